"""
A queue of letters, and those who send them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import define, field
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from synnefo_tx.people.mail.counts import MailCounts
from synnefo_tx.people.mail.model import ICarrier
from synnefo_tx.people.mail.queue import post
from synnefo_tx.people.mail.sender import MailRoom, MailSender
from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.mail.tables import mail_queue
from synnefo_tx.people.mail.templates import Templates
from synnefo_tx.store.database import Database

NOW = 1_800_000_000
SETTINGS = Mail(sender="cloud@example.org")


@implementer(ICarrier)
@define
class MemoryCarrier:
    """Keeps what it is given.  answers: an error, or what is waited for, of each in turn."""

    answers: list[Exception | Deferred[None]] = field(factory=list)
    taken: list[tuple[str, bytes]] = field(factory=list)

    async def carry(self, to: str, content: bytes) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await answer
        self.taken.append((to, content))


def a_sender(
    database: Database, carrier: Any, clock: Any = None, reactor: Any = None, **settings: Any
) -> MailSender:
    """Not started."""
    tells = clock or (lambda: float(NOW))
    counts = MailCounts(CollectorRegistry(), tells)
    mail = Mail(**({"sender": "cloud@example.org"} | settings))
    room = MailRoom(database, carrier, Templates.load(None, "Synnefo"), mail, tells, counts)
    return MailSender(room, reactor or Clock())


def put(database: Any, to: str = "eve@example.org", **more: Any) -> None:
    """A letter into the queue, at NOW."""
    with database.engine.connect().execution_options(synnefo_write=True) as connection:
        values = {"name": "eve", "url": "https://cloud.example.org/?link=s3cret"}
        post(connection, more.pop("template", "verify"), to, values, **more)
        fresh = update(mail_queue).where(mail_queue.c.tries == 0, mail_queue.c.recipient == to)
        connection.execute(fresh.values(queued_at=NOW, due_at=NOW))
        connection.commit()


def rows(database: Any) -> list[Any]:
    """The queue."""
    with database.engine.connect() as connection:
        return list(connection.execute(select(mail_queue).order_by(mail_queue.c.recipient)))


def sqlite_url(test: Any) -> str:
    """Of a new database."""
    return f"sqlite:///{Path(test.mktemp()).absolute()}"
