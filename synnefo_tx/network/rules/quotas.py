"""
Neutron's names of quotas, and what of ours they mean; a body that sets them.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from synnefo_tx.network.errors import InvalidQuery, InvalidValue
from synnefo_tx.quota import registered
from synnefo_tx.quota.model import NO_LIMIT, Holding

NEUTRON = {
    "network": registered.NETWORK,
    "subnet": registered.SUBNET,
    "subnetpool": registered.SUBNET_POOL,
    "port": registered.PORT,
    "router": registered.ROUTER,
    "floatingip": registered.FLOATING_IP,
    "rbac_policy": registered.RBAC_POLICY,
    "security_group": registered.SECURITY_GROUP,
    "security_group_rule": registered.SECURITY_GROUP_RULE,
}
_HIGHEST = 2**31 - 1  # of a limit, as Neutron's database has it
_IDS = ("tenant_id", "project_id")


_FLAGS = ("force", "check_limit")


@frozen
class Asked:
    """
    Our resources and their new limits.  check: refuse those below what is used.
    """

    limits: dict[str, int]
    check: bool


def read_limits(body: object) -> Asked:
    """
    A body `{"quota": {...}}`.  Raises InvalidQuery.
    """
    if not isinstance(body, dict) or not isinstance(body.get("quota"), dict):
        raise InvalidQuery("Unable to find 'quota' in request body")
    quota: dict[str, Any] = body["quota"]
    asked = {name: value for name, value in quota.items() if name not in (*_IDS, *_FLAGS)}
    unknown = sorted(name for name in asked if name not in NEUTRON)
    if unknown:
        raise InvalidQuery(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    limits = {NEUTRON[name]: _limit(name, value) for name, value in asked.items()}
    return Asked(limits, bool(quota.get("check_limit")) and not quota.get("force"))


def check_limits(limits: Mapping[str, int], used: Mapping[str, Holding]) -> None:
    """
    Raises InvalidQuery for a limit below what is used.
    """
    for name, resource in NEUTRON.items():
        limit = limits.get(resource, NO_LIMIT)
        if 0 <= limit < used[name].used:
            raise InvalidQuery(
                f"Quota limit {limit} for {name} must be greater than or equal to already used "
                f"{used[name].used}"
            )


def _limit(name: str, value: object) -> int:
    try:
        limit: int = int(value)  # type: ignore[call-overload]  # whatever it is
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValue(f"'{value}' is not an integer") from error
    if limit < NO_LIMIT:
        raise _out_of_range(name, f"'{limit}' is too small - must be at least '{NO_LIMIT}'.")
    if limit > _HIGHEST:
        raise _out_of_range(name, f"'{limit}' is too large - must be no larger than '{_HIGHEST}'.")
    return limit


def _out_of_range(name: str, reason: str) -> InvalidQuery:
    return InvalidQuery(f"Invalid input for {name}. Reason: {reason}")
