"""
Units of work on quotas as Cinder names and counts them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from synnefo_tx.quota.model import Holding, Payer
from synnefo_tx.quota.rows import holdings, limits
from synnefo_tx.quota.rows.defaults import change_defaults, defaults_of
from synnefo_tx.volume.rules.quotas import CINDER, check_limits, shown

_RESOURCES = tuple(resource for resource, _ in CINDER.values())


def quotas(connection: Connection, project_id: str) -> dict[str, Holding]:
    """
    Limits and use of the project.
    """
    return shown(holdings.held(connection, project_id, _RESOURCES))


def defaults(connection: Connection, project_id: str = "") -> dict[str, Holding]:
    """
    The limits that the project would have if nobody had set any.
    """
    return shown(defaults_of(connection, _RESOURCES, project_id))


def set_defaults(connection: Connection, asked: Mapping[str, int]) -> dict[str, Holding]:
    """
    New defaults by our names; all that hold then.
    """
    change_defaults(connection, asked)
    return defaults(connection)


def set_quotas(
    connection: Connection, project_id: str, asked: Mapping[str, int], *, check: bool
) -> dict[str, Holding]:
    """
    The project's limits by our names; all that hold then.  check: not below what is used.  Raises
    BadRequest.
    """
    if check:
        check_limits(asked, holdings.locked(connection, Payer("", project_id), _RESOURCES))
    limits.set_project_limits(connection, project_id, asked)
    return quotas(connection, project_id)


def forget_quotas(connection: Connection, project_id: str) -> None:
    """
    The defaults hold again for the project.
    """
    limits.forget_limits(connection, project_id, _RESOURCES)
