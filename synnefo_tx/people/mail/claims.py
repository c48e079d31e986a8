"""
Units of work of those who send letters.  Of several workers one has a letter at a time; if it dies,
another may have the letter when the claim ends.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Update, delete, func, select, update

from synnefo_tx.people.mail.model import Letter
from synnefo_tx.people.mail.tables import mail_queue as table

KEPT_S = 7 * 86400  # those given up
LONGEST_PROBLEM = 500


@frozen
class Figures:
    """
    Letters that wait, since when the oldest does (seconds; None: there is none), and letters given
    up.
    """

    waiting: int
    oldest_at: int | None
    given_up: int


def any_due(connection: Connection, now: int) -> bool:
    """
    Whether there is a letter to send.
    """
    due = select(table.c.id).where(table.c.due_at <= now).limit(1)
    return connection.execute(due).first() is not None


def claim(connection: Connection, most: int, lasts_s: int, now: int) -> list[Letter]:
    """
    At most so many letters that are due, nobody else's for `lasts_s` seconds.
    """
    due = (
        select(table)
        .where(table.c.due_at <= now)
        .order_by(table.c.due_at, table.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(due).all()
    ours = uuid.uuid4().hex
    taken = update(table).where(table.c.id.in_([row.id for row in rows]))
    values = {"claim": ours, "due_at": now + lasts_s, "tries": table.c.tries + 1}
    if rows:
        connection.execute(taken.values(values))
    return [
        Letter(
            id=row.id,
            claim=ours,
            template=row.template,
            recipient=row.recipient,
            filling=row.filling,
            queued_at=row.queued_at,
            ends_at=row.ends_at,
            tries=row.tries + 1,
        )
        for row in rows
    ]


def sent(connection: Connection, letter: Letter) -> None:
    """
    The letter was taken by a mail server: forget it, whoever claims it by now.
    """
    connection.execute(delete(table).where(table.c.id == letter.id))


def put_off(connection: Connection, letter: Letter, due_at: int, problem: str) -> None:
    """
    The letter is tried again then; nothing happens to one that is another's by now.
    """
    _change(connection, _ours(letter), due_at=due_at, claim=None, problem=problem)


def give_up(connection: Connection, letter: Letter, now: int, problem: str) -> None:
    """
    The letter is never tried again; what it said is forgotten.
    """
    values: dict[str, Any] = {"due_at": None, "claim": None, "failed_at": now, "filling": {}}
    _change(connection, _ours(letter), problem=problem, **values)


def _ours(letter: Letter) -> Update:
    return update(table).where(table.c.id == letter.id, table.c.claim == letter.claim)


def _change(connection: Connection, which: Update, problem: str, **values: Any) -> None:
    connection.execute(which.values(problem=problem[:LONGEST_PROBLEM], **values))


def figures(connection: Connection) -> Figures:
    """
    How the queue is.
    """
    waits = select(func.count(), func.min(table.c.queued_at)).where(table.c.failed_at.is_(None))
    waiting, oldest_at = connection.execute(waits).one()
    lost = select(func.count()).where(table.c.failed_at.is_not(None))
    return Figures(waiting, oldest_at, connection.execute(lost).scalar_one())


def forget_old(connection: Connection, now: int) -> None:
    """
    Those that were given up a week ago are gone.
    """
    connection.execute(delete(table).where(table.c.failed_at <= now - KEPT_S))
