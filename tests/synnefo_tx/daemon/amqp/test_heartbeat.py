"""When beats are sent, and when a peer is given up."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.daemon.amqp.heartbeat import Heartbeat, agreed


class AgreedTests(SynchronousTestCase):
    """Which interval both keep."""

    def test_table(self) -> None:
        """The shorter of two wishes; the only one; none."""
        cases = {(60, 0): 60, (0, 30): 30, (60, 30): 30, (10, 30): 10, (0, 0): 0}
        for (proposed_s, wished_s), result_s in cases.items():
            self.assertEqual(agreed(proposed_s, wished_s), result_s)


class HeartbeatTests(SynchronousTestCase):
    """A heart of 10 s."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.beats: list[float] = []
        self.silences: list[float] = []
        self.heart = Heartbeat(
            self.clock,
            10,
            lambda: self.beats.append(self.clock.seconds()) or self.heart.sent(),
            lambda: self.silences.append(self.clock.seconds()),
        )
        self.heart.start()
        self.addCleanup(self.heart.stop)

    def test_idle_link_is_kept(self) -> None:
        """On a quiet link a beat goes out twice in an interval."""
        for _ in range(30):
            self.clock.advance(1)
            self.heart.heard()
        self.assertEqual(self.beats, [5, 10, 15, 20, 25, 30])

    def test_busy_link_needs_no_beats(self) -> None:
        """While we send other things, no beats."""
        for _ in range(30):
            self.clock.advance(1)
            self.heart.heard()
            self.heart.sent()
        self.assertEqual(self.beats, [])

    def test_silent_peer(self) -> None:
        """A peer unheard for two intervals is given up, once."""
        self.clock.pump([1] * 60)
        self.assertEqual(self.silences, [20])

    def test_peer_that_speaks(self) -> None:
        """Any sign of life starts the wait anew."""
        self.clock.pump([1] * 15)
        self.heart.heard()
        self.clock.pump([1] * 15)
        self.assertEqual(self.silences, [])

    def test_none(self) -> None:
        """Without an interval nothing is timed."""
        clock = Clock()
        Heartbeat(clock, 0, self.fail, self.fail).start()
        self.assertEqual(clock.getDelayedCalls(), [])
