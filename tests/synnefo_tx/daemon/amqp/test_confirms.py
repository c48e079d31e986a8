"""Confirmations in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.daemon.amqp.confirms import Confirms, NotRoutable, Refused


class ConfirmsTests(SynchronousTestCase):
    """What happens to the messages of a channel."""

    def sent(self, number: int) -> tuple[Confirms, list[Deferred[None]]]:
        confirms = Confirms()
        return confirms, [confirms.add() for _ in range(number)]

    @given(st.integers(1, 30), st.data())
    def test_any_words_settle_each_once(self, number: int, data: st.DataObject) -> None:
        """Whatever the broker confirms, exactly the messages meant are settled."""
        confirms, sent = self.sent(number)
        settled: set[int] = set()
        words = st.tuples(st.integers(1, number + 3), st.booleans(), st.booleans())
        for tag, multiple, taken in data.draw(st.lists(words, max_size=10)):
            confirms.settle(tag, multiple, taken)
            settled |= set(range(1, tag + 1)) if multiple else {tag}
        for at, each in enumerate(sent, 1):
            self.assertEqual(each.called, at in settled)
            each.addErrback(lambda failure: failure.trap(Refused))

    def test_refused(self) -> None:
        """A nack is a failure."""
        confirms, (sent,) = self.sent(1)
        confirms.settle(1, False, taken=False)
        self.failureResultOf(sent, Refused)

    def test_returned(self) -> None:
        """A message given back and then confirmed was not routable; the next one is safe."""
        confirms, (first, second) = self.sent(2)
        confirms.returned(1)
        confirms.settle(2, True, taken=True)
        self.failureResultOf(first, NotRoutable)
        self.successResultOf(second)

    def test_channel_gone(self) -> None:
        """When the channel ends, what is outstanding fails in the order sent."""
        confirms, sent = self.sent(3)
        order: list[int] = []
        for at, each in enumerate(sent):
            each.addErrback(lambda _, at=at: order.append(at))
        confirms.settle(2, False, taken=True)
        confirms.fail(RuntimeError("gone"))
        self.assertEqual(order, [0, 2])

    def test_cancelled(self) -> None:
        """A publisher that gave up hears nothing more, and disturbs nobody."""
        confirms, (first, second) = self.sent(2)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        confirms.settle(2, True, taken=True)
        self.successResultOf(second)

    def test_one_failure_cancels_another(self) -> None:
        """A publisher may give up its other messages when one fails."""
        confirms, (first, second) = self.sent(2)
        first.addErrback(lambda _: second.cancel())
        confirms.fail(RuntimeError("gone"))
        self.failureResultOf(second, CancelledError)

    def test_upcoming(self) -> None:
        """Messages are numbered from one."""
        confirms, _ = self.sent(2)
        self.assertEqual(confirms.upcoming, 3)
