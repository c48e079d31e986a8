"""
The outbox's postman: takes news from the journal to the event bus, in order, until it is empty.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.jobs.journal import Journal
from synnefo_tx.daemon.bus.interface import IPublisher, NotPublished

BATCH = 100
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 30.0


class Postman(Service):
    """
    Publishes what is in the outbox and drops it after the bus has it.

    While the bus refuses, it tries again after 0.1 s, then ever later up to 30 s, and nothing is
    lost or overtaken.  A message may be published twice when we die in between; its readers know
    by its event_time.
    """

    name = "outbox"
    _log = Logger()

    def __init__(self, reactor: Any, journal: Journal, publisher: IPublisher) -> None:
        self._reactor = reactor
        self._journal = journal
        self._publisher = publisher
        self._delay_s = FIRST_DELAY_S
        self._more = False
        self._busy = False
        self._round: Deferred[None] | None = None

    def startService(self) -> None:
        """Begin with what is left from before."""
        super().startService()
        self.wake()

    def stopService(self) -> Deferred[None] | None:
        """Stop after the message being published; at once while waiting for the bus."""
        super().stopService()
        if self._busy and self._round is not None:
            self._round.cancel()
            return self._round
        return None

    def wake(self) -> None:
        """There may be news in the outbox."""
        self._more = True
        if not self._busy and self.running:
            self._busy = True
            self._round = Deferred.fromCoroutine(self._deliver())
            self._round.addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self._log.failure("the outbox stopped draining", failure=failure)

    async def _deliver(self) -> None:
        try:
            while self._more and self.running:
                self._more = False
                while self.running and await self._deliver_batch():
                    pass
        finally:
            self._busy = False

    async def _deliver_batch(self) -> bool:
        batch = await self._journal.outbox(BATCH)
        last_id = 0
        try:
            for waiting in batch:
                await self._publisher.publish(waiting.message.routing_key, waiting.message.body)
                last_id = waiting.id
        except NotPublished as error:
            self._log.warn(
                "{error}; trying again in {delay_s} s", error=error, delay_s=self._delay_s
            )
            await self._settle(last_id)
            await self._pause()
            return True
        self._delay_s = FIRST_DELAY_S
        await self._settle(last_id)
        return bool(batch)

    async def _settle(self, last_id: int) -> None:
        if last_id:
            await self._journal.published(last_id)

    async def _pause(self) -> None:
        waited: Deferred[None] = Deferred()
        call = self._reactor.callLater(self._delay_s, waited.callback, None)
        self._delay_s = min(self._delay_s * 2, LONGEST_DELAY_S)
        try:
            await waited
        finally:
            if call.active():
                call.cancel()
