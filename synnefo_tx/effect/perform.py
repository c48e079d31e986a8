"""
The performer: carries the outbox's wishes to their clusters.

Sends at once when kicked, retries with backoff while a cluster is away, and turns a refusal into
an error that the user can read.  The effect's id goes along, so that sending twice makes one job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused
from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.effect.plan import FINAL_STATES
from synnefo_tx.effect.rows import needs, outbox, things
from synnefo_tx.effect.rows.ending import ENDINGS
from synnefo_tx.store.database import Database

AT_ONCE = 32  # effects in flight
LEASE_US = 5_000_000  # after a crash between claiming and sending, another try comes this late
FIRST_RETRY_US = 250_000
LAST_RETRY_US = 30_000_000
GIVE_UP_US = 900_000_000
WAIT_US = 100_000
NEEDING_THINGS = ("server.create", "port.attach", "port.change")
TRIES = 3  # waits of a server for its network or group before one that failed fails the server
IDLE_S = 5.0  # another process may have written an effect and died before it sent it


class NotYet(Exception):
    """
    Something that the effect builds on has not been asked for yet.
    """


class Performer(Service):
    """
    One a process that writes effects; several may serve one outbox.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        clusters: Clusters,
        clock: Callable[[], float],
    ) -> None:
        self._reactor = reactor
        self._database = database
        self._clusters = clusters
        self._clock = clock
        self._timer: IDelayedCall | None = None
        self._working: Deferred[None] | None = None
        self._again = False
        self._pause_s = IDLE_S
        self._flying: dict[str, Deferred[None]] = {}  # by the effect's id

    def startService(self) -> None:
        super().startService()
        self.kick()

    async def _stopped(self) -> None:
        if self._working is not None:
            await self._working
        if self._flying:
            await DeferredList(list(self._flying.values()), consumeErrors=True)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        self._cancel_timer()
        return Deferred.fromCoroutine(self._stopped())

    def kick(self) -> None:
        """
        There is something new in the outbox.
        """
        if not self.running:
            return
        if self._working is not None:
            self._again = True
            return
        self._cancel_timer()
        self._working = Deferred.fromCoroutine(self._work())
        self._working.addErrback(
            lambda failure: self._log.failure("outbox could not be worked", failure=failure)
        )
        self._working.addCallback(lambda _: self._rest())

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _rest(self) -> None:
        self._working = None
        if not self.running:
            return
        if self._again:
            self._again = False
            self.kick()
            return
        self._timer = self._reactor.callLater(self._pause_s, self.kick)

    async def _work(self) -> None:
        self._pause_s = IDLE_S
        while self.running and len(self._flying) < AT_ONCE:
            now = self._now_us()
            room = AT_ONCE - len(self._flying)
            rows = await self._database.write(outbox.claim, now, now + LEASE_US, room)
            if not rows:
                break
            for row in rows:
                if row.id not in self._flying:  # its lease ran out before its answer came
                    self._fly(row)
        due = await self._database.read(outbox.next_due)
        if due is not None:
            self._pause_s = min(IDLE_S, max(0.01, (due - self._now_us()) / 1e6))

    def _fly(self, row: Any) -> None:
        """
        Perform without being waited for: a cluster that does not answer holds up no other.
        """
        flight = Deferred.fromCoroutine(self._perform(row))
        landed: Deferred[None] = Deferred()
        self._flying[row.id] = landed

        def land(result: object) -> None:
            if isinstance(result, Failure):
                self._log.failure("{kind} was not settled", failure=result, kind=row.kind)
            del self._flying[row.id]
            landed.callback(None)
            self.kick()  # what waited behind it may be due now

        flight.addBoth(land)

    async def _perform(self, row: Any) -> None:
        try:
            body = await self._body(row)
            cluster = await self._clusters.get(row.cluster_id)
            job_id = await cluster.submit(row.id, row.method, row.path, row.query, body)
        except NotYet:
            await self._put_off(row, WAIT_US, "its networks and groups come first")
        except ClusterAway as error:
            await self._away(row, str(error))
        except ClusterRefused as error:
            self._log.warn(
                "{kind} of {target} was refused: {error}",
                kind=row.kind,
                target=row.target,
                error=str(error),
            )
            await self._refused(row, error.message)
        except Exception:  # noqa: BLE001 - the edge of a service: logged
            self._log.failure("{kind} of {target} failed", kind=row.kind, target=row.target)
            await self._away(row, "internal error")
        else:
            await self._taken(row, job_id)

    async def _taken(self, row: Any, job_id: int) -> None:
        self._log.info(
            "{kind} of {target} is job {job}", kind=row.kind, target=row.target, job=job_id
        )
        await self._database.write(ENDINGS.taken, row, job_id, self._now_us())

    async def _refused(self, row: Any, message: str) -> None:
        await self._database.write(ENDINGS.refused, row, message, self._now_us())

    async def _body(self, row: Any) -> dict[str, Any] | None:
        body: dict[str, Any] | None = row.body
        if row.kind in NEEDING_THINGS:
            depends = await self._database.write(_depends, row, self._now_us())
            if depends is None:
                raise NotYet
            if depends:
                body = {**(body or {}), "depends": depends}
        return body

    async def _away(self, row: Any, reason: str) -> None:
        if self._now_us() - row.created_at > GIVE_UP_US and row.kind == "server.create":
            message = f"No cluster took the server for {GIVE_UP_US // 60_000_000} minutes."
            await self._refused(row, message)
            return
        wait = min(LAST_RETRY_US, FIRST_RETRY_US * 2 ** min(row.attempts, 20))
        self._log.warn(
            "{kind} of {target} put off by {wait_s} s: {reason}",
            kind=row.kind,
            target=row.target,
            wait_s=wait / 1e6,
            reason=reason,
        )
        await self._put_off(row, wait, reason)

    async def _put_off(self, row: Any, wait_us: int, reason: str) -> None:
        await self._database.write(outbox.put_off, row.id, self._now_us() + wait_us, reason)

    def _now_us(self) -> int:
        return int(self._clock() * 1e6)


def _depends(connection: Connection, row: Any, now_us: int) -> list[list[Any]] | None:
    """
    The jobs that must have ended before this one starts; None when they are still to be asked for.
    Raises ClusterRefused when a thing that the server needs does not come up.
    """
    jobs = []
    for thing in needs.of_server(connection, row.target):
        here = things.find(connection, thing, row.cluster_id)
        if here is not None and here.state == things.ERROR and row.attempts > TRIES:
            name = thing.kind.capitalize().replace("_", " ")
            raise ClusterRefused(409, f"{name} {thing.id} does not come up: {here.message}")
        here = things.ensure(connection, thing, row.cluster_id, now_us)
        if here.applied_revision > 0:
            continue
        job_id = things.job_to_wait_for(connection, here)
        if job_id is None:
            return None
        jobs.append([job_id, FINAL_STATES])
    return jobs
