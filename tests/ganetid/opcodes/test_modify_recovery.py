"""
A modification that was at work when ganetid was killed.
"""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.cluster.model import Disk, PutInstance
from ganetid.hypervisor.values import NbdDrive
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.journal import Commit, Journal, Submission
from ganetid.jobs.model import RUNNING, Job, Op
from ganetid.opcodes.definition import filled_input, parted
from ganetid.opcodes.table import OPCODES
from tests.ganetid.cluster import NAME, ClusterTestCase
from tests.ganetid.test_recovery import GUEST, INSTANCE

MORE = {"name": "more", "size": 32, "provider": "archipelago"}


class ModifyRecoveryTests(ClusterTestCase):
    """The journal is written as a killed ganetid leaves it; a new one then starts on it."""

    async def leave(self, op_id: str, given: dict[str, Any], made: dict[str, Any]) -> None:
        """One job at work, number 7, on an instance that runs."""
        (self.directory / "g").mkdir(mode=0o700)
        journal = Journal(Database(self.directory / "g" / "cluster.db", OneThread(reactor, "t")))
        await journal.begin(1.0)
        shown, private = parted(filled_input(OPCODES[op_id], given))
        op = Op(shown, status=RUNNING, start=2, executed=3)
        left = evolve(Job(7, (op,), received=1), made=msgspec.to_builtins(made))
        await journal.submit([Submission(left, private)])
        await journal.commit(Commit(changes=(PutInstance(INSTANCE),), last_stamp=3))
        await journal.close()
        await self.blocks.create(f"vol-{NAME}", 64 * 1024**2)
        drive = NbdDrive("socket", f"vol-{NAME}", uuid=INSTANCE.disks[0].uuid)
        self.world[NAME] = evolve(GUEST, drives=(drive,))

    def test_disk_was_made(self) -> Deferred[None]:
        """The disk that was made goes, and is made again; it is there once."""

        async def check() -> None:
            disk = Disk("more", "u-more", 32, provider="archipelago")
            await self.blocks.create("more", 32 * 1024**2)
            given = {"instance_name": NAME, "disks": [["add", -1, MORE]], "hotplug": True}
            await self.leave("OP_INSTANCE_SET_PARAMS", given, {"disks": [disk], "nics": []})
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual(job["status"], "success", job["opresult"])
            _, shown = await client.call("GET", f"/2/instances/{NAME}")
            self.assertEqual(shown["disk.sizes"], [64, 32])
            self.assertEqual(sorted(self.blocks.volumes), ["image", "more", f"vol-{NAME}"])
            exports = [drive.export for drive in self.hypervisor.guest(NAME).drives]
            self.assertEqual(exports, [f"vol-{NAME}", "more"])

        return Deferred.fromCoroutine(check())

    def test_before_anything_was_made(self) -> Deferred[None]:
        """A volume that somebody made meanwhile under that name is not touched."""

        async def check() -> None:
            await self.blocks.create("more", 1)
            given = {"instance_name": NAME, "disks": [["add", -1, MORE]]}
            await self.leave("OP_INSTANCE_SET_PARAMS", given, {})
            job = await (await self.start()).ended(7)
            self.assertEqual(job["opresult"][0][1][1], "already_exists")
            self.assertIn("more", self.blocks.volumes)

        return Deferred.fromCoroutine(check())

    def test_disk_was_removed(self) -> Deferred[None]:
        """A disk that is gone already is removed already."""

        async def check() -> None:
            given = {"instance_name": NAME, "disks": [["remove", 0, {}]], "hotplug": True}
            await self.leave("OP_INSTANCE_SET_PARAMS", given, {})
            del self.blocks.volumes[f"vol-{NAME}"]
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual(job["status"], "success", job["opresult"])
            _, shown = await client.call("GET", f"/2/instances/{NAME}")
            self.assertEqual(shown["disk.sizes"], [])

        return Deferred.fromCoroutine(check())

    def test_disk_was_grown(self) -> Deferred[None]:
        """A disk that has the new size already is not grown twice."""

        async def check() -> None:
            given = {"instance_name": NAME, "disk": 0, "amount": 64}
            await self.leave("OP_INSTANCE_GROW_DISK", given, {})
            await self.blocks.resize(f"vol-{NAME}", 128 * 1024**2)
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual(job["status"], "success", job["opresult"])
            self.assertEqual(self.blocks.volumes[f"vol-{NAME}"].size_bytes, 128 * 1024**2)
            _, shown = await client.call("GET", f"/2/instances/{NAME}")
            self.assertEqual(shown["disk.sizes"], [128])

        return Deferred.fromCoroutine(check())
