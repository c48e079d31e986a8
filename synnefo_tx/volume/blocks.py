"""
The block performer: does what the outbox to storage asks for.

Works may be done twice (a process dies between doing and writing it down), so each call counts as
done when storage says that it was done before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from archipelagod.wire.errors import (
    NoSuchVolume,
    StorageError,
    StorageUnavailable,
    VolumeBusy,
    VolumeExists,
)
from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.store.database import Database
from synnefo_tx.volume.rows import ends, works
from synnefo_tx.volume.rules.works import CALLS

AT_ONCE = 8  # works under way
LEASE_US = 120_000_000  # after a crash, another try comes this late
FIRST_RETRY_US = 250_000
LAST_RETRY_US = 30_000_000
GIVE_UP_US = 900_000_000  # of a volume that stays open elsewhere, or storage that stays away
IDLE_S = 5.0  # another process may have asked for something and died before it was done


class BlockPerformer(Service):
    """
    One a process that asks storage for something; several may serve one outbox.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, database: Database, blocks: IBlocks, clock: Callable[[], float]
    ) -> None:
        self._reactor = reactor
        self._database = database
        self._blocks: Any = blocks
        self._clock = clock
        self._timer: IDelayedCall | None = None
        self._round: Deferred[None] | None = None
        self._again = False

    def startService(self) -> None:
        super().startService()
        self.kick()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        self._cancel_timer()
        return Deferred.fromCoroutine(self._stopped())

    async def _stopped(self) -> None:
        if self._round is not None:
            await self._round

    def kick(self) -> None:
        """
        There is something new in the outbox.
        """
        if not self.running:
            return
        if self._round is not None:
            self._again = True
            return
        self._cancel_timer()
        waited: Deferred[None] = Deferred()
        self._round = waited
        working = Deferred.fromCoroutine(self._work())
        working.addErrback(
            lambda failure: self._log.failure("block works could not be done", failure=failure)
        )
        working.addCallback(lambda _: self._rest(waited))

    def _rest(self, waited: Deferred[None]) -> None:
        self._round = None
        waited.callback(None)
        if not self.running:
            return
        if self._again:
            self._again = False
            self.kick()
        else:
            self._timer = self._reactor.callLater(self._pause_s, self.kick)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    async def _work(self) -> None:
        self._pause_s = IDLE_S
        while self.running:
            now = self._now_us()
            found = await self._database.write(works.claim, now, now + LEASE_US, AT_ONCE)
            if not found:
                break
            await DeferredList([Deferred.fromCoroutine(self._do(work)) for work in found])
        due = await self._database.read(works.next_due)
        if due is not None:
            self._pause_s = min(IDLE_S, max(0.01, (due - self._now_us()) / 1e6))

    async def _do(self, work: Any) -> None:
        try:
            for step in work.steps:
                await self._step(*step)
        except (StorageUnavailable, VolumeBusy) as error:
            await self._put_off(work, str(error))
        except StorageError as error:
            await self._settle(work, False, str(error))
        except Exception as error:  # noqa: BLE001 - the edge of a service: logged
            self._log.failure("{kind} of {target} failed", kind=work.kind, target=work.target)
            await self._put_off(work, type(error).__name__)
        else:
            await self._settle(work, True, "")

    async def _step(self, call: str, *arguments: Any) -> None:
        if call not in CALLS:
            raise ValueError(f"storage is not asked to {call}")
        try:
            await getattr(self._blocks, call)(*arguments)
        except VolumeExists:
            pass  # names are made of new ids: it was made by us before
        except NoSuchVolume:
            if call != "delete":
                raise

    async def _settle(self, work: Any, done: bool, reason: str) -> None:
        if not done:
            self._log.warn(
                "{kind} of {target} was not done: {reason}",
                kind=work.kind,
                target=work.target,
                reason=reason,
            )
        await self._database.write(ends.settle, work, self._now_us(), done=done)

    async def _put_off(self, work: Any, reason: str) -> None:
        now = self._now_us()
        if now - work.created_at > GIVE_UP_US:
            await self._settle(work, False, reason)
            return
        wait = min(LAST_RETRY_US, FIRST_RETRY_US * 2 ** min(work.attempts, 20))
        await self._database.write(works.put_off, work.id, now + wait, reason)

    def _now_us(self) -> int:
        return int(self._clock() * 1e6)
