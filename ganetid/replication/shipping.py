"""
The master's side of replication: every commit goes to all candidates that are in sync.

A candidate that does not take a record in time is in sync no more, and only after the other nodes
were told so is the commit acknowledged: a stale candidate is then never made master by them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, FirstError
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.node.membership import OlderMaster
from ganetid.node.rpc.client import NodeClient, Rejected, Unreachable
from ganetid.replication.recording import Ticket
from ganetid.replication.records import Record, Shipment, encode
from ganetid.replication.replica import Files

TAKEN_WITHIN_S = 5.0
COPIED_WITHIN_S = 600.0
UNSETTLED = ""  # what a commit waits for, beside names of candidates
MOST_BEHIND = 100_000  # records kept for a candidate that is being brought up


@define(eq=False)
class Follower:
    """
    A candidate.  in_sync: commits wait for it.  behind: records it has not, while it is sent them.
    """

    client: NodeClient
    in_sync: bool = False
    behind: list[tuple[Record, Ticket | None]] = field(factory=list)
    is_sending: bool = False
    is_catching_up: bool = False
    lost_syncs: int = 0


@define(eq=False)
class Replicator:
    """
    Candidates by name.

    copy: makes a whole copy of the journal; its file, to be removed.
    files: what a master needs beside it.
    tell: tells all nodes who is in sync now, and returns when they were told.
    deposed: a candidate follows a newer master.
    """

    reactor: Any
    reign: str
    copy: Callable[[], Awaitable[Path]]
    files: Callable[[], Awaitable[Files]]
    tell: Callable[[], Awaitable[Any]]
    deposed: Callable[[OlderMaster], None]
    followers: dict[str, Follower] = field(factory=dict)
    _sending: set[Deferred[None]] = field(factory=set)
    _waiting: dict[Ticket, set[str]] = field(factory=dict)
    _is_closed: bool = False
    _is_settled: bool = False
    _log = Logger()

    def ship(self, record: Record, ticket: Ticket) -> None:
        """See RecordingConnection.ship; called in the journal's thread."""
        self.reactor.callFromThread(self._enqueue, record, ticket)

    def in_sync(self) -> tuple[str, ...]:
        """Names of candidates that have every acknowledged commit."""
        return tuple(sorted(name for name, each in self.followers.items() if each.in_sync))

    async def settle(self) -> None:
        """
        Tell all nodes that nobody is in sync yet; what is committed before lands only then.

        They may believe of a former run that candidates have everything.
        """
        await self.tell()
        self._is_settled = True
        for ticket in list(self._waiting):
            self._landed(UNSETTLED, ticket)

    async def follow(self, client: NodeClient) -> None:
        """Bring a candidate into sync, unless it is busy.  Raises Unreachable, Rejected."""
        follower = self.followers.setdefault(client.name, Follower(client))
        follower.client = client
        if follower.in_sync or follower.is_catching_up or follower.is_sending:
            return  # while one that was lost is let go of, commits still wait for that
        follower.is_catching_up = True
        follower.behind = []
        try:
            await self._catch_up(follower)
        finally:
            follower.is_catching_up = False
        await self.tell()
        self._log.info("candidate {name} has every commit", name=client.name)

    async def give_files(self) -> None:
        """To all candidates; one that is away gets them when it is brought up again."""
        files = msgspec.json.encode(await self.files())
        for follower in list(self.followers.values()):
            try:
                await follower.client.send("files", files)
            except (Unreachable, Rejected) as error:
                self._log.warn("candidate {name} has old files: {error}",
                               name=follower.client.name, error=error)  # fmt: skip

    async def forget(self, name: str) -> None:
        """A node is a candidate no more."""
        follower = self.followers.pop(name, None)
        if follower is not None and follower.in_sync:
            await self._let_go(follower)

    def close(self) -> None:
        """Nothing is acknowledged any more."""
        self._is_closed = True
        for sending in list(self._sending):
            sending.cancel()
        self.followers.clear()
        for ticket in list(self._waiting):
            self._waiting.pop(ticket)
            ticket.give_up()

    def _enqueue(self, record: Record, ticket: Ticket) -> None:
        if self._is_closed:
            ticket.give_up()
            return
        wanted = [follower for follower in self.followers.values() if follower.in_sync]
        awaited = {follower.client.name for follower in wanted}
        if not self._is_settled:
            awaited.add(UNSETTLED)
        if awaited:
            self._waiting[ticket] = awaited
        else:
            ticket.landed.set()
        for follower in self.followers.values():
            is_late = follower.is_catching_up and not follower.in_sync
            if is_late and len(follower.behind) < MOST_BEHIND:
                follower.behind.append((record, None))
        for follower in wanted:
            follower.behind.append((record, ticket))
            self._push(follower)

    def _push(self, follower: Follower) -> None:
        if not follower.is_sending and follower.behind:
            follower.is_sending = True
            sending = Deferred.fromCoroutine(self._send(follower))
            self._sending.add(sending)
            sending.addErrback(self._broke)
            sending.addBoth(lambda _: self._sending.discard(sending))

    async def _send(self, follower: Follower) -> None:
        """What it has not, as one shipment; then what has come in meanwhile."""
        try:
            while follower.behind and follower.in_sync:
                batch = follower.behind[:]
                await self._deliver(follower, [record for record, _ in batch])
                del follower.behind[: len(batch)]
                for _, ticket in batch:
                    self._landed(follower.client.name, ticket)
        except (Unreachable, Rejected, OlderMaster) as error:
            self._log.warn(
                "candidate {name} is not in sync any more: {error}",
                name=follower.client.name,
                error=error,
            )
            if isinstance(error, OlderMaster):
                self.deposed(error)
                return  # what waits is never acknowledged: it is not ours to promise
            await self._let_go(follower)
        finally:
            follower.is_sending = False

    async def _let_go(self, follower: Follower) -> None:
        follower.in_sync = False
        follower.lost_syncs += 1
        tickets = [ticket for _, ticket in follower.behind]
        follower.behind = []
        await self.tell()
        for ticket in tickets:
            self._landed(follower.client.name, ticket)

    def _landed(self, name: str, ticket: Ticket | None) -> None:
        if ticket is None or ticket not in self._waiting:
            return
        self._waiting[ticket].discard(name)
        if not self._waiting[ticket]:
            del self._waiting[ticket]
            ticket.landed.set()

    async def _catch_up(self, follower: Follower) -> None:
        """A whole copy, then the records since; commits wait for it from the last one on."""
        files = await self.files()
        await follower.client.send("files", msgspec.json.encode(files))
        path = await self.copy()
        try:
            with path.open("rb") as content:
                await follower.client.send("snapshot", content, timeout_s=COPIED_WITHIN_S)
        finally:
            path.unlink(missing_ok=True)
        while follower.behind:
            if len(follower.behind) >= MOST_BEHIND:
                raise Unreachable("it is too slow", was_sent=True)
            batch = follower.behind[:]
            await self._deliver(follower, [record for record, _ in batch])
            del follower.behind[: len(batch)]
        follower.in_sync = True

    async def _deliver(self, follower: Follower, records: list[Record]) -> None:
        shipment = Shipment(self.reign, tuple(records))
        await follower.client.send("append", encode(shipment), timeout_s=TAKEN_WITHIN_S)

    def _broke(self, failure: Failure) -> None:
        if isinstance(failure.value, FirstError):
            failure = failure.value.subFailure
        if failure.check(CancelledError) is None:
            self._log.failure("shipping broke", failure=failure)
