"""How a batch is handed to a handler: whole first, then one by one; poison set aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import evolve, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from synnefo_tx.daemon.bus.interface import Delivery, Handler, PoisonMessage

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


@frozen
class Held:
    """A message that a bus holds for a handler.  token: the bus's own name for it."""

    delivery: Delivery
    token: int


class Settlement(Protocol):
    """What a bus does with messages once their fate is known."""

    def accept(self, batch: Sequence[Held]) -> None:
        """The handler returned: forget these.  All that came earlier are settled already."""

    def bury(self, held: Held) -> None:
        """Put the poison message with the queue's dead letters."""


class Hands:
    """
    Hands batches to one handler, never two at once.

    clock: for the pauses before a failed message is tried again.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, queue: str, handler: Handler) -> None:
        self._clock = clock
        self._queue = queue
        self._handler = handler
        self._pause: Deferred[None] | None = None
        self._let_go = False

    def let_go(self) -> None:
        """For good: try nothing again, and leave unsettled what the handler does not accept."""
        self._let_go = True
        if self._pause is not None:
            self._pause.cancel()

    async def hand_over(self, batch: Sequence[Held], settlement: Settlement) -> None:
        """Return when each message of `batch` is settled, or after `let_go`."""
        try:
            await self._handler([held.delivery for held in batch])
        except Exception as error:  # noqa: BLE001 - the handler is the edge of a service
            self._tell(error, len(batch))
        else:
            settlement.accept(batch)
            return
        for held in batch:
            if self._let_go:
                return
            await self._one(Held(evolve(held.delivery, redelivered=True), held.token), settlement)

    async def _one(self, held: Held, settlement: Settlement) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._let_go:
            try:
                await self._handler([held.delivery])
            except PoisonMessage as poison:
                self._log.error(
                    "message {key} of queue {queue} put with the dead letters: {reason}",
                    key=held.delivery.routing_key, queue=self._queue, reason=str(poison),
                )  # fmt: skip
                settlement.bury(held)
                return
            except Exception as error:  # noqa: BLE001
                self._tell(error, 1)
                await self._sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            else:
                settlement.accept([held])
                return

    def _tell(self, error: Exception, size: int) -> None:
        self._log.warn(
            "handler of queue {queue} failed on {size} messages, trying them again: "
            "{kind}: {reason}",
            queue=self._queue, size=size, kind=type(error).__name__, reason=str(error),
        )  # fmt: skip

    async def _sleep(self, seconds: float) -> None:
        if self._let_go:
            return
        self._pause = deferLater(self._clock, seconds)
        try:
            await self._pause
        except CancelledError:
            pass
        finally:
            self._pause = None
