"""
Cinder's names of quotas, and what of ours they mean; a body that sets them.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.quota import registered
from synnefo_tx.quota.model import Holding

HIGHEST = 0x7FFFFFFF
# name: our resource, and how many of ours one of Cinder's is
CINDER = {
    "volumes": (registered.VOLUME, 1),
    "per_volume_gigabytes": (registered.LARGEST_VOLUME, registered.GIB),
    "snapshots": (registered.SNAPSHOT, 1),
    "gigabytes": (registered.DISK, registered.GIB),
    "backups": (registered.BACKUP, 1),
    "backup_gigabytes": (registered.BACKUP_DISK, registered.GIB),
    "groups": (registered.VOLUME_GROUP, 1),
}
_NO_QUOTAS = ("tenant_id", "id", "force")


def shown(held: Mapping[str, Holding]) -> dict[str, Holding]:
    """
    Holdings by our names as Cinder names and counts them.
    """
    return {name: _in_units(held[resource], unit) for name, (resource, unit) in CINDER.items()}


def _in_units(holding: Holding, unit: int) -> Holding:
    limit = holding.limit // unit if holding.limit >= 0 else holding.limit
    return Holding(limit, -(-holding.used // unit), -(-holding.pending // unit))


def read_limits(body: object, envelope: str = "quota_set") -> dict[str, int]:
    """
    The limits by our names of a body `{"quota_set": {...}}`.  Raises BadRequest.
    """
    if not isinstance(body, dict) or not isinstance(body.get(envelope), dict):
        raise BadRequest(f"'{envelope}' is a required property")
    quota_set: dict[str, Any] = body[envelope]
    asked = {name: value for name, value in quota_set.items() if name not in _NO_QUOTAS}
    unknown = sorted(name for name in asked if name not in CINDER)
    if unknown:
        raise BadRequest(f"Bad key(s) in quota set: {', '.join(unknown)}")
    limits = {}
    for name, value in asked.items():
        resource, unit = CINDER[name]
        limit = _limit(name, value)
        limits[resource] = limit * unit if limit >= 0 else limit
    return limits


def check_limits(limits: Mapping[str, int], held: Mapping[str, Holding]) -> None:
    """
    Raises BadRequest for a limit below what is used.
    """
    for name, (resource, _) in CINDER.items():
        if 0 <= limits.get(resource, -1) < held[resource].used:
            raise BadRequest(
                f"Quota {name} limit must be equal or greater than existing resources."
            )


def _limit(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadRequest(f"{name} must be an integer")
    try:
        limit = int(value)
    except ValueError as error:
        raise BadRequest(f"{name} must be an integer") from error
    if limit < -1:
        raise BadRequest(f"{name} must be >= -1")
    if limit > HIGHEST:
        raise BadRequest(f"{name} must be <= {HIGHEST}")
    return limit
