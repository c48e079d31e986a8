"""
Ganeti's parameter tables, as far as this node honours them, and how they are filled in.

Source: Ganeti 3.0.2 `gnt-cluster info`; kvm_path and the accelerator are
chosen by this daemon's settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BEPARAMS: Mapping[str, Any] = {
    "minmem": 128,
    "maxmem": 128,
    "vcpus": 1,
    "auto_balance": True,
    "always_failover": False,
    "spindle_use": 1,
}

HVPARAMS: Mapping[str, Any] = {
    "acpi": True,
    "boot_order": "disk",
    "cdrom_image_path": "",
    "cpu_type": "",
    "disk_cache": "default",
    "disk_type": "paravirtual",
    "initrd_path": "",
    "kernel_args": "",
    "kernel_path": "",
    "machine_version": "",
    "nic_type": "paravirtual",
    "reboot_behavior": "reboot",
    "root_path": "",
    "serial_console": False,
    "use_localtime": False,
    "vnc_bind_address": "",
}

NICPARAMS: Mapping[str, Any] = {"mode": "bridged", "link": "br0", "vlan": ""}

ALIASES: Mapping[str, tuple[str, ...]] = {"memory": ("minmem", "maxmem")}


class UnknownParameter(Exception):
    """No such parameter, or a value of the wrong type for it."""


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
    return kept


def filled(given: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of `table`, as given or by default."""
    return {**table, **given}


def _coerced(key: str, value: Any, default: Any) -> Any:
    """`value` as the type of `default`; numbers may come as text, as Ganeti takes them."""
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise UnknownParameter(f"Value '{value}' for parameter '{key}' is not a boolean")
    if isinstance(default, int):
        try:
            return int(value)
        except (TypeError, ValueError):
            raise UnknownParameter(
                f"Value '{value}' for parameter '{key}' is not an integer"
            ) from None
    if not isinstance(value, str):
        raise UnknownParameter(f"Value '{value}' for parameter '{key}' is not a string")
    return value
