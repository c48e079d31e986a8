"""
Ganeti's parameter tables and how they are filled in.

Source: Ganeti 3.0.2 `gnt-cluster info`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS, BadKvmParameter, check_value
from ganetid.cluster.typed import WrongType, forced, types_of

BEPARAMS: Mapping[str, Any] = {
    "minmem": 128,
    "maxmem": 128,
    "vcpus": 1,
    "auto_balance": True,
    "always_failover": False,
    "spindle_use": 1,
}

HVPARAMS: Mapping[str, Any] = KVM_DEFAULTS

NICPARAMS: Mapping[str, Any] = {"mode": "bridged", "link": "br0", "vlan": ""}

SIZES = frozenset({"minmem", "maxmem"})
ALIASES: Mapping[str, tuple[str, ...]] = {"memory": ("minmem", "maxmem")}


class UnknownParameter(Exception):
    """No such parameter, or a value that it can't have."""


def beparams_from(given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with Ganeti's alias memory spelt out.  Raises UnknownParameter."""
    spelt: dict[str, Any] = {}
    for key, value in given.items():
        for name in ALIASES.get(key, (key,)):
            spelt[name] = value
    return checked(spelt, BEPARAMS)


def checked(given: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """`given` without those set to "default".  Raises UnknownParameter, naming the key."""
    kept: dict[str, Any] = {}
    for key, value in given.items():
        if key not in table:
            raise UnknownParameter(f"Unknown parameter '{key}'")
        if value == "default" and table[key] != "default":
            continue
        kept[key] = _coerced(key, value, table[key])
        if table is HVPARAMS:
            _check_hypervisor_parameter(key, kept[key])
    return kept


def filled(given: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of `table`, as given or by default."""
    return {**table, **given}


def _check_hypervisor_parameter(key: str, value: Any) -> None:
    try:
        check_value(key, value)
    except BadKvmParameter as error:
        raise UnknownParameter(str(error)) from error


def _coerced(key: str, value: Any, default: Any) -> Any:
    """`value` as the type of `default`; numbers may come as text, as Ganeti takes them."""
    kind = "size" if key in SIZES else types_of({key: default})[key]
    try:
        return forced({key: value}, {key: kind})[key]
    except WrongType as error:
        raise UnknownParameter(str(error)) from error
