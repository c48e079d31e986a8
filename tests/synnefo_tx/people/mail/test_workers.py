"""
Several who send, over real sockets, from one queue; and one that is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from logging import getLogger
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from synnefo_tx.people.mail.sender import CLAIM_S, MailSender
from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.mail.smtp import carrier_of
from synnefo_tx.store.database import DatabaseThreads, open_engine
from synnefo_tx.store.schema import create_all
from tests.live.postgresql import shared_server
from tests.synnefo_tx.people.mail.a_mail_server import AMailServer
from tests.synnefo_tx.people.mail.a_queue import NOW, a_sender, put, rows, sqlite_url

LONGEST_S = 60.0


class WorkersCase(TestCase):
    def make_url(self) -> str:
        return sqlite_url(self)

    def setUp(self) -> None:
        getLogger("mail.log").setLevel("CRITICAL")
        self.url = self.make_url()
        engine = open_engine(self.url)
        create_all(engine)
        engine.dispose()
        self.server = AMailServer(self)
        self.now = float(NOW)

    def a_worker(self) -> MailSender:
        """One with a database connection and threads of its own."""
        threads = DatabaseThreads(reactor, self.url)
        database = threads.start()
        self.addCleanup(threads.stop)
        settings = Mail(
            host="127.0.0.1", port=self.server.port, sender="cloud@example.org", tls="off"
        )
        carrier = carrier_of(reactor, settings)
        sender = a_sender(database, carrier, lambda: self.now, reactor)
        self.addCleanup(sender.stopService)
        return sender

    async def until(self, holds: Any) -> None:
        """Waits for it."""
        end = time.monotonic() + LONGEST_S
        while not holds():
            self.assertLess(time.monotonic(), end)
            await deferLater(reactor, 0.02, lambda: None)


class WorkersTests(WorkersCase):
    async def test_each_letter_is_sent_once(self) -> None:
        """By several at once."""
        workers = [self.a_worker() for _ in range(4)]
        database = workers[0]._room.database
        for number in range(40):
            put(database, f"n{number}@example.org")
        for worker in workers:
            worker.startService()
        await self.until(lambda: not rows(database))
        for worker in workers:
            await maybeDeferred(worker.stopService)
        got = Counter(to for _from, to in self.server.envelopes)
        self.assertEqual(set(got.values()), {1})
        self.assertEqual(len(got), 40)

    async def test_an_answer_that_is_lost(self) -> None:
        """The server has it, and nobody knows: it comes again, and is seen to be the same."""
        worker = self.a_worker()
        database = worker._room.database
        put(database)
        self.server.answers["DATA"] = ["451 full", "taken"]
        worker.startService()
        await self.until(lambda: rows(database)[0].tries == 1 and rows(database)[0].problem)
        self.now += 30
        await self.until(lambda: len(self.server.letters) == 1 and rows(database)[0].claim is None)
        self.now += 60
        await self.until(lambda: not rows(database))
        first, again = self.server.mailboxes
        self.assertEqual(first, again)
        self.assertIn("Message-ID", self.server.letters[0])


class PostgresqlWorkersTests(WorkersTests):
    def make_url(self) -> str:
        return shared_server().new_database()


class KilledTests(WorkersCase):
    """A process that dies while the server thinks."""

    async def test_another_sends_what_it_had(self) -> None:
        other = self.a_worker()
        database = other._room.database
        self.server.answers["DATA"] = ["think"]
        put(database)
        name = "tests.synnefo_tx.people.mail.a_worker"
        command = [sys.executable, "-m", name, self.url, str(self.server.port)]
        path = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        ended: Deferred[None] = Deferred()
        process = reactor.spawnProcess(_Ends(ended), command[0], command, env=path)
        await self.until(self.server.thinks.is_set)
        process.signalProcess(signal.SIGKILL)
        await ended
        [row] = rows(database)
        self.assertEqual(row.tries, 1)
        other.startService()
        await deferLater(reactor, 1.2, lambda: None)
        self.assertEqual(self.server.mailboxes, [])  # it is the dead one's still
        self.now += CLAIM_S + 5
        await self.until(lambda: not rows(database))
        self.assertEqual(len(self.server.mailboxes), 1)


class _Ends(ProcessProtocol):
    def __init__(self, ended: Deferred[None]) -> None:
        self._ended = ended

    def processEnded(self, reason: Any) -> None:
        self._ended.callback(None)
