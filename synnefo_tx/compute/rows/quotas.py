"""
Units of work on quotas as Nova names and counts them.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.compute.rules.quota_bodies import check_limits
from synnefo_tx.compute.rules.quotas import NOVA
from synnefo_tx.errors import BadRequest, OverQuota
from synnefo_tx.quota.model import Holding, Payer
from synnefo_tx.quota.registered import METADATA_ITEM
from synnefo_tx.quota.rows import holdings, limits
from synnefo_tx.quota.rows.defaults import change_defaults, defaults_of
from synnefo_tx.quota.rows.who import project_exists

_RESOURCES = tuple(meaning.resource for meaning in NOVA.values())


def check_project(connection: Connection, project_id: str) -> None:
    """
    Raises BadRequest for a project that is not there.
    """
    if not project_exists(connection, project_id):
        raise BadRequest(f"Project ID {project_id} is not a valid project.")


def quotas(connection: Connection, payer: Payer) -> dict[str, Holding]:
    """
    Limits and use of the project, or of the user in it, by Nova's names.
    """
    return _named(holdings.held_by(connection, payer, _RESOURCES))


def defaults(connection: Connection, project_id: str = "") -> dict[str, Holding]:
    """
    The limits that the project would have if nobody had set any.
    """
    return _named(defaults_of(connection, _RESOURCES, project_id))


def set_defaults(connection: Connection, asked: dict[str, int]) -> dict[str, Holding]:
    """
    New defaults by Nova's names; all that hold then.
    """
    change_defaults(connection, _ours(asked))
    return defaults(connection)


def set_quotas(
    connection: Connection, payer: Payer, asked: dict[str, int], *, force: bool
) -> dict[str, Holding]:
    """
    Limits by Nova's names for the project, or for the user in it; those that hold then.  force:
    even below what is used.  Raises BadRequest.
    """
    check_project(connection, payer.project_id)
    of_project = Payer("", payer.project_id)
    held = _named(holdings.locked(connection, payer, _RESOURCES))
    if not force:
        highest = quotas(connection, of_project) if payer.user_id else None
        check_limits(asked, held, highest)
    ours = _ours(asked)
    if payer.user_id:
        limits.set_member_limits(connection, payer.user_id, payer.project_id, ours)
    else:
        limits.set_project_limits(connection, payer.project_id, ours)
    return quotas(connection, payer)


def forget_quotas(connection: Connection, payer: Payer) -> None:
    """
    The defaults hold again for the project, or for the user in it.  Raises BadRequest.
    """
    check_project(connection, payer.project_id)
    limits.forget_limits(connection, payer.project_id, _RESOURCES, payer.user_id)


def check_metadata(connection: Connection, project_id: str, count: int) -> None:
    """
    Whether a server of the project may have so many metadata items.  Raises OverQuota.
    """
    limit = holdings.held(connection, project_id, [METADATA_ITEM])[METADATA_ITEM].limit
    if 0 <= limit < count:
        raise OverQuota(f"Maximum number of metadata items exceeds {limit}")


def _ours(asked: dict[str, int]) -> dict[str, int]:
    return {NOVA[name].resource: NOVA[name].ours(limit) for name, limit in asked.items()}


def _named(held: dict[str, Holding]) -> dict[str, Holding]:
    return {name: meaning.shown(held[meaning.resource]) for name, meaning in NOVA.items()}
