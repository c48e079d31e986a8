"""
A guest that writes all the time goes from machine to machine, and takes its volume from one
archipelagod to another.
"""

from __future__ import annotations

import os
import re
import signal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.end_to_end.storage_nodes import GUEST, VOLUME, StorageNodesTestCase
from tests.ganetid.cluster import Client
from tests.ganetid.node.machines import Machine

PATH = f"/2/instances/{GUEST}"
LONGEST_PAUSE_MS = 300  # as the issue wants it


class MigrationTests(StorageNodesTestCase):
    """Two machines, two archipelagods, one store."""

    def test_there_and_back(self) -> Deferred[None]:
        """
        It migrates and comes back; a journey whose destination dies does not hurt it; its machine
        dies, and it starts on the other: nothing that it had synced is lost.
        """

        async def check() -> None:
            client = await self.begin()
            one, two = self.machines
            await self.boot(client, "node1")
            await self.goes(client, one, two)
            await self.goes(client, two, one)
            await self.survives_its_destination(client)
            await self.goes(client, one, two)
            await self.survives_its_node(client)

        return Deferred.fromCoroutine(check())

    async def goes(self, client: Client, source: Machine, target: Machine) -> None:
        before = self.written(source)
        job = await self.done(client, "PUT", f"{PATH}/migrate", {"target_node": target.name})
        log = " ".join(str(entry[3]) for entry in job["oplog"][0])
        paused = re.search(r"paused for (\d+) ms", log)
        assert paused is not None, log
        print(f"\n  {source.name} to {target.name}: paused for {paused[1]} ms")
        self.assertLess(int(paused[1]), LONGEST_PAUSE_MS)
        await self.goes_on(target, before)
        self.assertEqual((source.qemus(), len(target.qemus())), ([], 1))
        await self.has_it_alone(target)

    async def has_it_alone(self, machine: Machine) -> None:
        """Only that machine's daemon has the volume open."""
        for each, storage in zip(self.machines, self.storages, strict=True):
            open_there = (await storage.client.statistics())["volumes"]
            self.assertEqual(VOLUME in open_there, each is machine)

    async def survives_its_destination(self, client: Client) -> None:
        """The destination's QEMU dies on the way: the guest runs on where it was."""
        one, two = self.machines
        slow = {"hvparams": {"migration_bandwidth": 1}}
        await self.done(client, "PUT", f"{PATH}/modify", slow)
        job = await client.submit("PUT", f"{PATH}/migrate", {"target_node": "node2"})

        async def is_coming() -> bool:
            return bool(two.qemus())

        await self.until(is_coming, "it is expected")
        await deferLater(reactor, 2.0)
        (pid,) = two.qemus()
        os.kill(pid, signal.SIGKILL)
        ended = await client.ended(job)
        self.assertEqual(ended["status"], "error", ended)
        await self.goes_on(one, self.written(one))
        self.assertEqual((await self.shown(client))[:2], ("node1", "running"))
        await self.has_it_alone(one)
        await self.done(client, "PUT", f"{PATH}/modify", {"hvparams": {"migration_bandwidth": 0}})

    async def survives_its_node(self, client: Client) -> None:
        """Its machine dies with its archipelagod; it starts on the other with all it had synced."""
        one, two = self.machines
        last = self.written(two)
        await two.kill()
        await self.storages[1].kill()
        await self.done(client, "PUT", "/2/nodes/node2/role?force=1", "offline")
        await self.nothing_lost(self.storages[0], last)
        await self.done(client, "PUT", f"{PATH}/failover", {"target_node": "node1"})
        self.assertEqual((await self.shown(client))[:2], ("node1", "running"))
        await self.goes_on(one)

    async def shown(self, client: Client) -> tuple[Any, ...]:
        _, found = await client.call("GET", PATH)
        return found["pnode"], found["status"]
