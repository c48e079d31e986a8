"""
Key pairs: the public half of what users log in with.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from synnefo_tx.compute.errors import KeypairNotFound
from synnefo_tx.compute.rows.tables import keypairs
from synnefo_tx.errors import BadRequest, Conflict, OverQuota
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import KEYPAIR
from synnefo_tx.quota.rows import holdings

AnyRow = Row[Any]


def create_keypair(
    connection: Connection,
    payer: Payer,
    name: str,
    public_key: str,
    fingerprint: str,
    now_us: int,
) -> None:
    """
    A key pair of the user's, as many as the project allows.  Raises OverQuota or Conflict.
    """
    user_id = payer.user_id
    owned = select(func.count()).select_from(keypairs).where(keypairs.c.user_id == user_id)
    limit = holdings.locked(connection, payer, [KEYPAIR])[KEYPAIR].limit
    if 0 <= limit <= connection.execute(owned).scalar_one():
        raise OverQuota("Quota exceeded, too many key pairs.")
    if _find(connection, user_id, name) is not None:
        raise Conflict(f"Key pair '{name}' already exists.")
    connection.execute(
        insert(keypairs).values(
            user_id=user_id,
            name=name,
            type="ssh",
            fingerprint=fingerprint,
            public_key=public_key,
            created_at=now_us,
        )
    )


def find_keypair(connection: Connection, user_id: str, name: str) -> AnyRow:
    """
    Raises KeypairNotFound.
    """
    row = _find(connection, user_id, name)
    if row is None:
        raise KeypairNotFound(name, user_id)
    return row


def delete_keypair(connection: Connection, user_id: str, name: str) -> None:
    """
    Raises KeypairNotFound.
    """
    this = (keypairs.c.user_id == user_id, keypairs.c.name == name)
    if connection.execute(delete(keypairs).where(*this)).rowcount != 1:
        raise KeypairNotFound(name, user_id)


def list_keypairs(
    connection: Connection, user_id: str, limit: int, marker: str | None
) -> list[AnyRow]:
    """
    By name, those after `marker`.  Raises BadRequest for an unknown marker.
    """
    statement = select(keypairs).where(keypairs.c.user_id == user_id)
    if marker is not None:
        if _find(connection, user_id, marker) is None:
            raise BadRequest(f"Marker {marker} could not be found.")
        statement = statement.where(keypairs.c.name > marker)
    return list(connection.execute(statement.order_by(keypairs.c.name).limit(limit)))


def _find(connection: Connection, user_id: str, name: str) -> AnyRow | None:
    return connection.execute(
        select(keypairs).where(keypairs.c.user_id == user_id, keypairs.c.name == name)
    ).first()


def keypair_for_server(connection: Connection, user_id: str, name: str | None) -> Any:
    """
    None without a name.  Raises BadRequest in the words of POST /servers.
    """
    if name is None:
        return None
    try:
        return find_keypair(connection, user_id, name)
    except KeypairNotFound as error:
        raise BadRequest("Invalid key_name provided.") from error
