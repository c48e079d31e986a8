"""
What becomes of letters: tried, tried again, given up.
"""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.people.mail.claims import KEPT_S, claim, give_up, put_off
from synnefo_tx.people.mail.model import NotNow, Refused
from synnefo_tx.people.mail.sender import CLAIM_S, PATIENCE_S, MailSender
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.people.mail.a_queue import (
    NOW,
    MemoryCarrier,
    a_sender,
    put,
    rows,
    sqlite_url,
)


class SenderCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.database = immediate_database(sqlite_url(self))
        self.addCleanup(self.database.engine.dispose)
        self.carrier = MemoryCarrier()
        self.now = float(NOW)
        self.reactor = Clock()
        self.sender = self.a_sender()

    def a_sender(self, **settings: Any) -> MailSender:
        return a_sender(self.database, self.carrier, lambda: self.now, self.reactor, **settings)

    def later(self, seconds: float) -> None:
        """Whoever is to send does."""
        self.now += seconds
        self.reactor.advance(max(1.0, seconds))

    def started(self, *answers: Exception | Deferred[None], **settings: Any) -> None:
        """With a letter, and what the server says to it."""
        self.carrier.answers.extend(answers)
        if settings:
            self.sender = self.a_sender(**settings)
        self.sender.startService()
        self.addCleanup(self.sender.stopService)

    def unit(self, of: Any, *args: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(of, *args)))


class TriesTests(SenderCase):
    def test_sent(self) -> None:
        """And forgotten."""
        put(self.database)
        self.started()
        [(to, content)] = self.carrier.taken
        self.assertEqual(to, "eve@example.org")
        self.assertIn(b"Subject: Verify your address for Synnefo\n", content)
        self.assertEqual(rows(self.database), [])
        self.assertEqual(self.sender._room.counts.sent._value.get(), 1)

    def test_an_address_as_people_write_it(self) -> None:
        """Settings let it be so."""
        put(self.database, " Eve@Example.org ")
        self.started()
        self.assertEqual([to for to, _content in self.carrier.taken], ["eve@example.org"])

    def test_letters_posted_later(self) -> None:
        self.started()
        put(self.database)
        self.later(1)
        self.assertEqual(len(self.carrier.taken), 1)

    def test_refused_for_now(self) -> None:
        """Each wait is twice the one before; it is the same letter."""
        put(self.database)
        self.started(NotNow("451 full"), NotNow("451 full"), NotNow("451 full"))
        [row] = rows(self.database)
        self.assertEqual((row.due_at, row.tries, row.problem), (NOW + 30, 1, "451 full"))
        self.later(29)
        self.assertEqual(rows(self.database)[0].tries, 1)
        self.later(1)
        self.assertEqual(rows(self.database)[0].due_at, NOW + 30 + 60)
        self.later(60)
        self.assertEqual(rows(self.database)[0].due_at, NOW + 90 + 120)
        self.later(120)
        self.assertEqual(len(self.carrier.taken), 1)
        self.assertEqual(self.sender._room.counts.put_off._value.get(), 3)

    def test_every_try_has_the_same_message_id(self) -> None:
        """A server that has taken it already, or its reader, sees that."""
        put(self.database)
        [first] = self.unit(claim, 1, 10, NOW)
        self.sender.startService()
        self.later(10)
        self.sender.stopService()
        letters = [message_from_bytes(content) for _to, content in self.carrier.taken]
        self.assertEqual([one["Message-ID"] for one in letters], [f"<{first.id}@example.org>"])

    def test_refused_for_good(self) -> None:
        """Is not tried again, and what it said is forgotten."""
        put(self.database)
        self.started(Refused("550 nobody here"))
        [row] = rows(self.database)
        self.assertEqual((row.due_at, row.failed_at, row.filling), (None, NOW, {}))
        self.assertEqual(row.problem, "550 nobody here")
        self.later(1000)
        self.assertEqual(self.carrier.taken, [])
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_those_given_up_are_forgotten(self) -> None:
        put(self.database)
        self.started(Refused("550 nobody here"))
        self.later(KEPT_S - 1)
        self.assertEqual(len(rows(self.database)), 1)
        self.later(20)
        self.later(20)
        self.assertEqual(rows(self.database), [])

    def test_tries_end(self) -> None:
        put(self.database)
        self.started(*[NotNow("451 full")] * 99, give_up_s=3600)
        for _ in range(3600):
            self.later(1)
        [row] = rows(self.database)
        self.assertEqual(row.failed_at, NOW + 30 * (2**6 - 1))
        self.assertEqual(row.tries, 7)

    def test_a_letter_that_nobody_needs_any_more(self) -> None:
        """A link that has ended by the next try."""
        put(self.database, ends_at=NOW + 60)
        self.started(NotNow("451 full"), NotNow("451 full"))
        self.later(30)
        [row] = rows(self.database)
        self.assertEqual(row.failed_at, NOW + 30)

    def test_one_bad_letter_holds_up_no_other(self) -> None:
        for number in range(12):
            put(self.database, f"n{number:02}@example.org")
        self.started(*[Refused("550 no"), NotNow("451 no"), OSError("what?")] * 2)
        self.assertEqual(len(self.carrier.taken), 6)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)

    def test_an_address_that_is_none(self) -> None:
        """Whoever put it there."""
        put(self.database, "eve@example.org\r\nRCPT TO:<mallory@example.org>")
        self.started()
        self.assertEqual((self.carrier.taken, rows(self.database)[0].failed_at), ([], NOW))

    def test_a_template_of_another_release(self) -> None:
        """Waits for a worker that knows it."""
        put(self.database, template="unknown-here")
        self.started()
        self.assertEqual(rows(self.database)[0].due_at, NOW + 30)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_figures(self) -> None:
        put(self.database)
        put(self.database, "bob@example.org")
        self.started(NotNow("451 full"), Refused("550 no"))
        self.later(16)
        figures = self.sender._room.counts.queue
        self.assertEqual((figures.waiting, figures.oldest_at, figures.given_up), (1, NOW, 1))
        self.assertEqual(self.sender._room.counts._oldest_s(), 16)


class ClaimTests(SenderCase):
    def test_a_worker_that_died(self) -> None:
        """Another has its letters once the claim ends."""
        put(self.database)
        self.unit(claim, 5, CLAIM_S, NOW)
        self.started()
        self.later(CLAIM_S - 1)
        self.assertEqual(self.carrier.taken, [])
        self.later(1)
        self.assertEqual(len(self.carrier.taken), 1)

    def test_whoever_comes_back_too_late_changes_nothing(self) -> None:
        put(self.database)
        [late] = self.unit(claim, 5, 10, NOW)
        [ours] = self.unit(claim, 5, 10, NOW + 10)
        self.unit(put_off, late, NOW + 999, "late")
        self.unit(give_up, late, NOW, "late")
        [row] = rows(self.database)
        self.assertEqual((row.claim, row.due_at, row.problem), (ours.claim, NOW + 20, None))

    def test_stopped_while_one_is_under_way(self) -> None:
        """It has some time; then it is put off."""
        put(self.database)
        self.started(Deferred(lambda waiting: waiting.errback(NotNow("cancelled"))))
        stopped = self.sender.stopService()
        assert stopped is not None
        self.reactor.advance(PATIENCE_S - 1)
        self.assertNoResult(stopped)
        self.reactor.advance(1)
        self.successResultOf(stopped)
        [row] = rows(self.database)
        self.assertEqual((row.claim, row.due_at, row.problem), (None, NOW + 30, "cancelled"))

    def test_stopped_in_time(self) -> None:
        put(self.database)
        under_way: Deferred[None] = Deferred()
        self.started(under_way)
        stopped = self.sender.stopService()
        assert stopped is not None
        under_way.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(rows(self.database), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
