"""
The configuration is on candidates before it is acknowledged, and a candidate takes over with it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import click
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ganetid.node.membership import View
from tests.ganetid.cluster import create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase, until


def rows(path: Path, table: str) -> list[Any]:
    """A table of a database that may be in use."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        connection.close()


class StartsCounted(dict[str, Any]):
    """A world of fake guests that knows how often each was started."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: list[str] = []

    def __setitem__(self, name: str, guest: Any) -> None:
        self.starts.append(name)
        super().__setitem__(name, guest)


class FailoverTests(ManyTestCase):
    """Three nodes, all of them candidates."""

    def view(self, name: str) -> View:
        view = self.machines[name].half.membership.view
        assert view is not None
        return view

    async def in_sync(self, *names: str) -> None:
        await until(
            lambda: all(
                self.view(name).in_sync == tuple(sorted(names))
                for name in names
                if self.machines[name].running
            ),
            f"in sync: {names}",
        )

    async def drop(self, name: str) -> None:
        """As kill -9 looks from outside: nothing is ended, connections break."""
        machine = self.machines[name]
        master, machine.master = machine.master, None
        if master is not None and master.fleet is not None:
            await master.end()
        await machine.stopService()

    def test_every_commit_is_there(self) -> Deferred[None]:
        """What a job's submission acknowledged is in the candidates' copies at that moment."""

        async def check() -> None:
            client = await self.three()
            await self.in_sync("node1", "node2", "node3")
            for number in range(5):
                job = await client.submit("POST", "/2/instances", create_body(f"i{number}"))
                for name in ("node2", "node3"):
                    ids = {row[0] for row in rows(self.directory / name / "replica.db", "jobs")}
                    self.assertIn(job, ids)
                await client.ended(job)
            await until(  # then nothing changes any more
                lambda: not rows(self.directory / "node1" / "cluster.db", "outbox"), "all news told"
            )
            for table in ("facts", "jobs", "instances", "members", "groups", "outbox"):
                await until(lambda table=table: self.are_equal(table), f"{table} are equal", 5.0)

        return Deferred.fromCoroutine(check())

    def are_equal(self, table: str) -> bool:
        own = rows(self.directory / "node1" / "cluster.db", table)
        return rows(self.directory / "node2" / "replica.db", table) == own

    def test_master_dies(self) -> Deferred[None]:
        """A candidate takes over with every job and instance; job ids go on; guests run on."""

        async def check() -> None:
            client = await self.three()
            await self.in_sync("node1", "node2", "node3")
            job = await client.job("POST", "/2/instances", create_body("inst", pnode="node3"))
            self.assertEqual(job["status"], "success")
            await self.drop("node1")
            await self.admin("node2", "master-failover")
            client = self.client("node2")
            await self.all_but_one("node2")
            _, info = await client.call("GET", "/2/info")
            self.assertEqual(info["master"], "node2")
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual((shown["status"], list(self.worlds["node3"])), ("running", ["inst"]))
            again = await client.job("POST", "/2/instances/inst/reboot?type=hard")
            self.assertEqual((again["status"], again["id"] > job["id"]), ("success", True))
            await self.start("node1")  # it finds out that it is the master no more
            self.assertIsNone(self.machines["node1"].master)
            self.assertEqual(self.view("node1").master, "node2")
            await self.in_sync("node1", "node2", "node3")

        return Deferred.fromCoroutine(check())

    def test_handed_over(self) -> Deferred[None]:
        """A master that is alive ends its work first."""

        async def check() -> None:
            await self.three()
            await self.in_sync("node1", "node2", "node3")
            await self.admin("node3", "master-failover")
            self.assertIsNone(self.machines["node1"].master)
            client = self.client("node3")
            await self.all_reachable("node3")
            job = await client.job("POST", "/2/instances", create_body("inst", pnode="node1"))
            self.assertEqual((job["status"], list(self.worlds["node1"])), ("success", ["inst"]))

        return Deferred.fromCoroutine(check())

    def test_stale_candidate(self) -> Deferred[None]:
        """A candidate that missed acknowledged commits is not made master by the others."""

        async def check() -> None:
            client = await self.three()
            await self.in_sync("node1", "node2", "node3")
            await self.stop("node2")
            job = await client.job("POST", "/2/instances", create_body("inst", pnode="node3"))
            self.assertEqual(job["status"], "success")
            self.assertEqual(self.view("node3").in_sync, ("node1", "node3"))
            await self.drop("node1")
            await self.start("node2")
            await self.refused("node2", "lack acknowledged changes")
            await self.admin("node3", "master-failover")
            _, shown = await self.client("node3").call("GET", "/2/instances/inst")
            self.assertEqual(shown["name"], "inst")

        return Deferred.fromCoroutine(check())

    def test_nobody_knows(self) -> Deferred[None]:
        """
        While all others are away they may have another master, which would not know of what is
        acknowledged now: so nothing is, until one is back or the administrator says otherwise.
        """

        async def check() -> None:
            client = await self.three()
            await self.in_sync("node1", "node2", "node3")
            for name in ("node2", "node3"):
                await self.stop(name)
            first = self.submitted(client, "a")
            await deferLater(reactor, 2.0)
            self.assertFalse(first.called)
            await self.admin("node1", "master-failover", "--no-voting")
            job = await first
            self.assertEqual((await client.ended(job))["status"], "success")
            await self.start("node3")
            await self.in_sync("node1", "node3")
            await self.stop("node3")
            second = self.submitted(client, "b")
            await deferLater(reactor, 1.0)
            self.assertFalse(second.called)  # the administrator's word held until one was back
            await self.start("node2")
            await self.refused("node2", "lack acknowledged changes")
            self.assertEqual((await client.ended(await second))["status"], "success")

        return Deferred.fromCoroutine(check())

    def submitted(self, client: Any, name: str) -> Deferred[int]:
        given = create_body(name, pnode="node1")
        return Deferred.fromCoroutine(client.submit("POST", "/2/instances", given))

    def test_alone(self) -> Deferred[None]:
        """Without a majority nobody becomes master, unless the administrator says so."""

        async def check() -> None:
            await self.three()
            await self.in_sync("node1", "node2", "node3")
            await self.drop("node1")
            await self.stop("node3")
            await self.refused("node2", "2 are needed")
            await self.admin("node2", "master-failover", "--no-voting")
            self.assertIsNotNone(self.machines["node2"].master)

        return Deferred.fromCoroutine(check())

    def test_master_starts_alone(self) -> Deferred[None]:
        """A master that comes back hears another node before it acts."""

        async def check() -> None:
            await self.three()
            for name in ("node2", "node3", "node1"):
                await self.stop(name)
            starting = Deferred.fromCoroutine(self.start("node1"))
            await deferLater(reactor, 0.5)
            self.assertIsNone(self.machines["node1"].master)
            await self.start("node3")
            await starting
            self.assertIsNotNone(self.machines["node1"].master)

        return Deferred.fromCoroutine(check())

    def test_start_underway(self) -> Deferred[None]:
        """The new master waits for what the former one had begun, and starts no guest twice."""

        async def check() -> None:
            world = self.worlds["node3"] = StartsCounted()
            client = await self.three()
            await self.in_sync("node1", "node2", "node3")
            held: Deferred[None] = Deferred()
            self.hypervisors["node3"].held = held
            given = create_body("inst", pnode="node3")
            job = await client.submit("POST", "/2/instances", given)
            await until(lambda: held.callbacks, "it is being started")
            await self.drop("node1")
            await self.admin("node2", "master-failover")
            await deferLater(reactor, 1.0)
            self.hypervisors["node3"].held = None
            held.callback(None)
            ended = await self.client("node2").ended(job)
            self.assertEqual((ended["status"], world.starts), ("success", ["inst"]))

        return Deferred.fromCoroutine(check())

    async def all_but_one(self, master: str) -> None:
        half = self.machines[master].master
        assert half is not None and half.fleet is not None
        fleet = half.fleet
        await until(lambda: any(node.is_reachable for node in fleet.remote()), "one is up")

    async def refused(self, name: str, reason: str) -> None:
        try:
            await self.admin(name, "master-failover")
        except click.ClickException as error:
            self.assertIn(reason, str(error))
        else:
            self.fail("it became master")
