"""Commits and candidates that go and come: who is waited for, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from ganetid.node.rpc.client import NodeClient, Unreachable
from ganetid.replication.recording import Ticket
from ganetid.replication.records import Record
from ganetid.replication.replica import Files
from ganetid.replication.shipping import Replicator


class FakeClient:
    """A candidate that takes all it gets, unless it is away."""

    name = "node2"

    def __init__(self) -> None:
        self.is_away = False
        self.got: list[str] = []

    async def send(self, what: str, content: Any, timeout_s: float = 0.0) -> None:
        if self.is_away:
            raise Unreachable("it is away", was_sent=True)
        self.got.append(what)


class ThreadlessClock(Clock):
    """A reactor whose other threads are this one."""

    def callFromThread(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


class ReplicatorTests(TestCase):
    """One candidate."""

    def setUp(self) -> None:
        self.client = FakeClient()
        self.telling: Deferred[None] = succeed(None)
        self.number = 0
        self.replicator = Replicator(
            reactor=ThreadlessClock(),
            reign="reign",
            copy=self.copy,
            files=self.files,
            tell=self.tell,
            deposed=lambda older: None,
        )
        self.addCleanup(self.replicator.close)

    async def copy(self) -> Path:
        path = Path(self.mktemp())
        path.write_bytes(b"")
        return path

    async def files(self) -> Files:
        return Files("", "", "")

    async def tell(self) -> None:
        await self.telling

    async def follow(self) -> None:
        await self.replicator.follow(cast("NodeClient", self.client))

    def commit(self) -> Ticket:
        ticket = Ticket()
        self.number += 1
        self.replicator.ship(Record(self.number, ()), ticket)
        return ticket

    async def test_settles(self) -> None:
        """Nothing lands before all nodes were told that nobody is in sync yet."""
        self.telling = Deferred()
        settling = Deferred.fromCoroutine(self.replicator.settle())
        early = self.commit()
        self.assertFalse(early.landed.is_set())
        self.telling.callback(None)
        await settling
        self.assertEqual((early.landed.is_set(), early.given_up), (True, False))
        self.assertTrue(self.commit().landed.is_set())

    async def test_in_sync(self) -> None:
        """A candidate in sync has a commit before it lands."""
        await self.replicator.settle()
        self.assertTrue(self.commit().landed.is_set())
        await self.follow()
        self.assertEqual(self.replicator.in_sync(), ("node2",))
        self.client.got.clear()
        self.assertTrue(self.commit().landed.is_set())
        self.assertEqual(self.client.got, ["append"])

    async def test_comes_back_while_others_are_told(self) -> None:
        """
        A commit that a candidate missed lands once all were told so, also when the candidate is
        back before that; it is taken up afterwards.
        """
        await self.replicator.settle()
        await self.follow()
        self.client.is_away = True
        self.telling = Deferred()
        missed = self.commit()
        self.client.is_away = False
        await self.follow()
        self.assertFalse(missed.landed.is_set())
        self.assertEqual(self.replicator.in_sync(), ())
        self.telling.callback(None)
        self.assertTrue(missed.landed.is_set())
        await self.follow()
        self.assertEqual(self.replicator.in_sync(), ("node2",))
        self.assertTrue(self.commit().landed.is_set())

    async def test_given_up(self) -> None:
        """At the end of a reign what candidates may lack is given up, never acknowledged."""
        await self.follow()
        self.client.is_away = True
        self.telling = Deferred()
        missed = self.commit()
        self.replicator.close()
        self.assertEqual((missed.landed.is_set(), missed.given_up), (True, True))
        self.assertTrue(self.commit().given_up)
