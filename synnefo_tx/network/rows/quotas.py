"""
Units of work on quotas by Neutron's names.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.network.rules.quotas import NEUTRON, Asked, check_limits
from synnefo_tx.quota.model import Holding, Payer
from synnefo_tx.quota.rows import holdings, limits
from synnefo_tx.quota.rows.defaults import defaults_of
from synnefo_tx.quota.rows.tables import quota_limits

_RESOURCES = tuple(NEUTRON.values())
_PROJECT = "project:"


def usages(connection: Connection, project_id: str) -> dict[str, Holding]:
    """
    Limits and use of the project, by Neutron's names.
    """
    return _named(holdings.held(connection, project_id, _RESOURCES))


def defaults(connection: Connection, project_id: str = "") -> dict[str, Holding]:
    """
    The limits that the project would have if nobody had set any.
    """
    return _named(defaults_of(connection, _RESOURCES, project_id))


def set_quotas(connection: Connection, project_id: str, asked: Asked) -> dict[str, Holding]:
    """
    The project's limits; those that hold then.  Raises InvalidQuery.
    """
    if asked.check:
        held = holdings.locked(connection, Payer("", project_id), _RESOURCES)
        check_limits(asked.limits, _named(held))
    limits.set_project_limits(connection, project_id, asked.limits)
    return usages(connection, project_id)


def forget_quotas(connection: Connection, project_id: str) -> None:
    """
    The defaults hold again for the project.
    """
    limits.forget_limits(connection, project_id, _RESOURCES)


def all_quotas(connection: Connection) -> dict[str, dict[str, int]]:
    """
    The limits of every project for which some were set.
    """
    said: dict[str, dict[str, int]] = {}
    own = (
        select(quota_limits)
        .where(quota_limits.c.resource.in_(_RESOURCES), quota_limits.c.holder.startswith(_PROJECT))
        .order_by(quota_limits.c.holder)
    )
    for row in connection.execute(own):
        project_id = row.holder.removeprefix(_PROJECT)
        said.setdefault(project_id, {})[row.resource] = row.limit
    usual = {name: holding.limit for name, holding in defaults(connection).items()}
    return {project_id: usual | _by_name(some) for project_id, some in said.items()}


def _by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[resource] for name, resource in NEUTRON.items() if resource in found}


def _named(held: dict[str, Holding]) -> dict[str, Holding]:
    return {name: held[resource] for name, resource in NEUTRON.items()}
