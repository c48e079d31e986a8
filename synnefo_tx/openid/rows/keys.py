"""
Units of work on the keys that sign ID tokens.  Which one signs is told by the rows and the time
alone, so all workers agree.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from attrs import field, frozen
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.identity.secret_box import SecretGarbled
from synnefo_tx.openid.rows.tables import keys

ROTATE_S = 30 * 24 * 3600
AHEAD_S = 24 * 3600  # a key is published for so long before it signs
KEEP_S = 24 * 3600  # and after: far longer than any ID token lives


@frozen
class Key:
    """
    public, private: JWK as JSON, the second sealed.  signs_from: seconds since the epoch.
    """

    serial: int
    kid: str
    public: str
    private: str = field(repr=False)
    signs_from: int


def published(connection: Connection) -> tuple[Key, ...]:
    """
    All keys, the oldest first.
    """
    rows = connection.execute(select(keys).order_by(keys.c.serial)).mappings()
    return tuple(Key(**row) for row in rows)


def next_serial(held: tuple[Key, ...], now: int) -> int | None:
    """
    The number of the key that must be made now; None: none must be.
    """
    if not held:
        return 1
    last = held[-1]
    return last.serial + 1 if last.signs_from + ROTATE_S - AHEAD_S <= now else None


def signing(held: tuple[Key, ...], now: int) -> Key:
    """
    The one that signs.  held: not empty.
    """
    return next((key for key in reversed(held) if key.signs_from <= now), held[0])


def add(connection: Connection, key: Key, now: int) -> tuple[Key, ...]:
    """
    All keys, with this one, unless another worker has made one of its number; those that have
    signed nothing that is still good go.
    """
    try:
        with connection.begin_nested():
            connection.execute(
                insert(keys).values(
                    serial=key.serial,
                    kid=key.kid,
                    public=key.public,
                    private=key.private,
                    signs_from=key.signs_from,
                )
            )
    except IntegrityError:
        pass
    held = published(connection)
    for old, newer in pairwise(held):
        if newer.signs_from + KEEP_S <= now:
            connection.execute(delete(keys).where(keys.c.serial == old.serial))
    return published(connection)


def seal_anew(connection: Connection, seal: Callable[[str], str]) -> None:
    """
    The same keys; `seal` gives the sealed text for another.  Raises SecretGarbled, which names the
    key.
    """
    for row in connection.execute(select(keys.c.serial, keys.c.private).with_for_update()).all():
        try:
            private = seal(row.private)
        except SecretGarbled as error:
            raise SecretGarbled(f"key {row.serial} of ID tokens") from error
        this = update(keys).where(keys.c.serial == row.serial)
        connection.execute(this.values(private=private))
