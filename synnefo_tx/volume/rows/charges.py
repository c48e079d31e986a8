"""
What volumes and snapshots are charged, and refusals in Cinder's words.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from synnefo_tx.identity.caller import Caller
from synnefo_tx.quota import registered
from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import GIB
from synnefo_tx.quota.rows import holdings
from synnefo_tx.volume import errors


def of_volume(size_gib: int) -> dict[str, int]:
    """
    What a volume takes.
    """
    return {registered.VOLUME: 1, registered.DISK: size_gib * GIB}


def of_snapshot(size_gib: int) -> dict[str, int]:
    """
    What a snapshot takes.
    """
    return {registered.SNAPSHOT: 1, registered.DISK: size_gib * GIB}


def payer_of(row: Any) -> Payer:
    """
    Whom a volume or snapshot is charged to.
    """
    return Payer(row.user_id, row.project_id)


def take(connection: Connection, payer: Payer, amounts: dict[str, int]) -> None:
    """
    Raises VolumesExceeded, SnapshotsExceeded or GigabytesExceeded.
    """
    try:
        holdings.take(connection, payer, amounts)
    except Exceeded as error:
        raise _refusal(error) from error


def give_back(connection: Connection, row: Any) -> None:
    """
    What the volume or snapshot holds itself returns.
    """
    if row.reserved:
        holdings.give_back(connection, payer_of(row), row.reserved)


def check_size(connection: Connection, caller: Caller, size_gib: int) -> None:
    """
    Raises SizeExceedsLimit for a volume that is larger than the project's may be.
    """
    name = registered.LARGEST_VOLUME
    limit = holdings.held(connection, caller.project_id, (name,))[name].limit
    if 0 <= limit < size_gib * GIB:
        raise errors.SizeExceedsLimit(size_gib, limit // GIB)


def _refusal(error: Exceeded) -> Exception:
    holding = error.holding
    if error.resource == registered.DISK:
        used = -(-holding.used // GIB)
        return errors.GigabytesExceeded(error.asked // GIB, holding.limit // GIB, used)
    if error.resource == registered.SNAPSHOT:
        return errors.SnapshotsExceeded(holding.limit)
    return errors.VolumesExceeded(holding.limit)
