"""
Upkeep by real daemons.
"""

from __future__ import annotations

import os
import random
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from archipelagod.wire.client import BlockClient
from tests.archipelagod.running import MIB, StorageCase, until

reactor: Any = global_reactor
OBJECTS = 12


class DaemonTests(StorageCase):
    """gc and scrub."""

    def objects(self) -> int:
        """How many objects are in the store."""
        path = f"{self.directory}/state/store/objects"
        return sum(len(names) for _, _, names in os.walk(path))

    async def family(self, client: BlockClient, number: int) -> str:
        """A clone that shares half of what a deleted volume and its snapshot had."""
        base, frozen, clone = f"b{number}", f"s{number}", f"c{number}"
        await client.create(base, OBJECTS * 4 * MIB)
        for index in range(OBJECTS):
            await client.write(base, index * 4 * MIB, bytes([number + 1]) * 4096)
        await client.snapshot(base, frozen)
        await client.clone(frozen, clone)
        await client.zero(clone, 0, OBJECTS // 2 * 4 * MIB)
        await client.write(clone, 0, b"own")
        await client.protect(clone, False)  # closes it: now its map says what it let go
        await client.delete(frozen)
        await client.delete(base)
        return clone

    async def check(self, client: BlockClient, number: int) -> None:
        """The clone is as it was."""
        clone = f"c{number}"
        self.assertEqual(await client.read(clone, 0, 3), b"own")
        for index in range(1, OBJECTS):
            byte = number + 1 if index >= OBJECTS // 2 else 0
            found = await client.read(clone, index * 4 * MIB, 4096)
            self.assertEqual(found, bytes([byte]) * 4096, (clone, index))

    async def test_requests(self) -> None:
        """gc frees what is not needed, scrub finds what is wrong; both are in the figures."""
        await self.serve(datapath="inline")
        client = self.client()
        await self.family(client, 0)
        found = await client.gc()
        self.assertEqual(found["undecided_families"], 0)
        self.assertEqual(self.objects(), OBJECTS // 2 + 1)
        await self.check(client, 0)
        told: list[tuple[int, int]] = []
        scrubbed = await client.scrub(lambda done, total: told.append((done, total)))
        self.assertEqual((scrubbed["total"], scrubbed["maps"]), (0, 2))
        upkeep = (await client.statistics())["upkeep"]
        self.assertEqual(upkeep["scrub"]["passes"], 1)
        self.assertEqual(upkeep["gc"]["objects"], OBJECTS // 2)

    async def test_killed(self) -> None:
        """Killed whenever it collects, a daemon loses nothing and forgets nothing."""
        chance = random.Random(3)
        program = self.spawn()
        client = await self.up(program)
        for number in range(5):
            await self.family(client, number)
            work = Deferred.fromCoroutine(client.gc())
            work.addErrback(lambda failure: None)  # it died
            await deferLater(reactor, chance.random() * 0.03)
            await self.kill(program)
            await work
            program = self.spawn()
            client = await self.up(program)
            for each in range(number + 1):
                await self.check(client, each)
        await client.gc()
        await until(lambda: self.objects() == 5 * (OBJECTS // 2 + 1), "nothing is left over")
        found = await client.scrub()
        self.assertEqual(found["counts"], {}, found)
