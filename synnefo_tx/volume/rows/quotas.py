"""
Units of work on quotas as Cinder names and counts them.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.errors import BadRequest
from synnefo_tx.quota.model import Holding, Payer
from synnefo_tx.quota.rows import holdings, limits, resources
from synnefo_tx.volume.rules.quotas import CINDER, Asked, shown

_RESOURCES = tuple(resource for resource, _ in CINDER.values())


def quotas(connection: Connection, project_id: str) -> dict[str, Holding]:
    """
    Limits and use of the project.
    """
    return shown(holdings.held(connection, project_id, _RESOURCES))


def defaults(connection: Connection) -> dict[str, Holding]:
    """
    The limits of a project for which nobody has set any.
    """
    rows = resources.listed(connection)
    return shown({row.name: Holding(row.project_default, 0) for row in rows})


def set_quotas(connection: Connection, project_id: str, asked: Asked) -> dict[str, Holding]:
    """
    The project's limits; those that hold then.  Raises BadRequest.
    """
    held = holdings.locked(connection, Payer("", project_id), _RESOURCES)
    for name, (resource, _) in CINDER.items():
        limit = asked.limits.get(resource, -1)
        if asked.check and 0 <= limit < held[resource].used:
            raise BadRequest(
                f"Invalid input received: Quota limit for {name} is below what is used already"
            )
    limits.set_project_limits(connection, project_id, asked.limits)
    return quotas(connection, project_id)


def forget_quotas(connection: Connection, project_id: str) -> None:
    """
    The defaults hold again for the project.
    """
    limits.forget_limits(connection, project_id, _RESOURCES)
