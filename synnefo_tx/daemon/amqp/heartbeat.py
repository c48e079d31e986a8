"""Beats that keep a connection, and the ear that notices a silent peer."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

CHECKS = 2  # in an interval: so beats go out twice as often as the peer needs them
UNHEARD_INTERVALS = 2  # then the peer is taken for dead; as RabbitMQ counts


def agreed(proposed_s: int, wished_s: int) -> int:
    """The interval both keep: the shorter, where 0 is no wish.  Source: as RabbitMQ's clients."""
    return min(proposed_s, wished_s) or max(proposed_s, wished_s)


class Heartbeat:
    """
    Sends a beat when we have been quiet, and gives up when the peer has been.

    interval_s: as agreed, 0 for none.  beat: sends one.  silent: called once, at most
    `interval_s` * (UNHEARD_INTERVALS + 1 / CHECKS) seconds after the peer was last heard.
    """

    def __init__(
        self,
        clock: IReactorTime,
        interval_s: float,
        beat: Callable[[], None],
        silent: Callable[[], None],
    ) -> None:
        self._clock = clock
        self.interval_s = interval_s
        self._beat = beat
        self._silent = silent
        self._heard_at = self._sent_at = clock.seconds()
        self._loop = LoopingCall(self._check)
        self._loop.clock = clock

    def start(self) -> None:
        """From now on both must be heard."""
        self._heard_at = self._sent_at = self._clock.seconds()
        if self.interval_s > 0:
            self._loop.start(self.interval_s / CHECKS, now=False)

    def stop(self) -> None:
        """The connection is over.  Idempotent."""
        if self._loop.running:
            self._loop.stop()

    def heard(self) -> None:
        """The peer sent something."""
        self._heard_at = self._clock.seconds()

    def sent(self) -> None:
        """We sent something."""
        self._sent_at = self._clock.seconds()

    def _check(self) -> None:
        now = self._clock.seconds()
        if now - self._heard_at >= self.interval_s * UNHEARD_INTERVALS:
            self.stop()
            self._silent()
        elif now - self._sent_at >= self.interval_s / CHECKS:
            self._beat()
