"""
Workers that serve many volumes each, and die at times.
"""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from archipelagod.datapath.interface import IServing
from archipelagod.datapath.processes import ProcessDatapath, WorkerServing
from archipelagod.stores.store import Store, open_file_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.wire.errors import NoSuchVolume, StorageUnavailable, VolumeBusy
from tests.archipelagod.running import MIB, StorageCase, children, reactor, refused, until


class PoolTests(StorageCase):
    """ProcessDatapath."""

    def setUp(self) -> None:
        """A store with volumes, and two workers at most."""
        super().setUp()
        self.path = f"{self.directory}/store"
        self.store: Store = open_file_store(self.path)
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, lambda: 0.0)
        for number in range(6):
            self.catalogue.create(f"v{number}", 8 * MIB)
        self.datapath = ProcessDatapath(reactor, f"file:{self.path}", 2)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.datapath.close()))
        self.lost: list[str] = []

    async def opened(self, name: str) -> WorkerServing:
        """An open volume."""
        return await self.datapath.open(name, self.sessions.fresh(), lambda: self.lost.append(name))

    async def test_shared(self) -> None:
        """Six volumes are served by two workers, three each."""
        servings = [await self.opened(f"v{number}") for number in range(6)]
        self.assertEqual(len(children("datapath.worker")), 2)
        loads = [worker.load for worker in self.datapath._workers]
        self.assertEqual(loads, [3, 3])
        for serving in servings:
            await serving.close()
        self.assertEqual([worker.load for worker in self.datapath._workers], [0, 0])

    async def test_opened_together(self) -> None:
        """Openings that are asked for at once go to different workers, and all succeed."""
        work = [Deferred.fromCoroutine(self.opened(f"v{number}")) for number in range(6)]
        await gatherResults(work)
        self.assertEqual([worker.load for worker in self.datapath._workers], [3, 3])

    async def test_absent(self) -> None:
        """A volume that is not there is an error, and leaves nothing behind."""
        await refused(NoSuchVolume, self.opened("absent"))
        self.assertEqual([worker.load for worker in self.datapath._workers], [0])

    async def test_death(self) -> None:
        """When a worker dies its volumes are lost, the others' are not; they can be opened anew."""
        servings = [await self.opened(f"v{number}") for number in range(4)]
        victim = servings[0]._worker
        names = [f"v{number}" for number in range(4) if servings[number]._worker is victim]
        survivors = [serving for serving in servings if serving._worker is not victim]
        assert victim._process.transport is not None
        os.kill(victim._process.transport.pid, signal.SIGKILL)
        await until(lambda: len(self.lost) == 2, "the loss is told")
        self.assertEqual(sorted(self.lost), names)
        await refused(StorageUnavailable, servings[0].usage())
        for serving in survivors:
            await serving.usage()
        await servings[0].close()  # nothing is left to be done
        again = await self.opened(names[0])
        await again.usage()

    async def test_orphan(self) -> None:
        """A worker whose daemon goes away ends at once, with its leases."""
        await self.opened("v0")
        (pid,) = children("datapath.worker")
        self.datapath._workers[0].control.close()
        await until(lambda: not children("datapath.worker"), f"the end of {pid}")
        open_volume(self.store, "v0", self.sessions.fresh()).close()

    async def test_lease_is_waited_for(self) -> None:
        """A volume that another is about to close is opened when that is done."""
        held = open_volume(self.store, "v0", self.sessions.fresh())
        reactor.callLater(0.5, held.close)
        await self.opened("v0")

    async def test_lease_is_not_waited_for_forever(self) -> None:
        """A volume that another keeps open is busy; other volumes are opened meanwhile."""
        held = open_volume(self.store, "v0", self.sessions.fresh())
        self.addCleanup(held.close)
        opening = Deferred.fromCoroutine(self.opened("v0"))
        await self.opened("v1")
        await self.opened("v2")
        self.assertNoResult(opening)
        await refused(VolumeBusy, opening)

    async def test_calls(self) -> None:
        """Snapshots, sizes, maps and figures of a volume in a worker."""
        serving = await self.opened("v0")
        await serving.resize(16 * MIB)
        self.assertEqual(serving.size_bytes, 16 * MIB)
        await serving.own(0, 16 * MIB)
        expected = [(number * 4 * MIB, 4 * MIB, "zero") for number in range(4)]
        self.assertEqual(await serving.mapping(0, 16 * MIB), expected)
        await serving.snapshot(self.catalogue.new_map("s"))
        self.assertEqual(self.catalogue.info("s").size_bytes, 16 * MIB)
        found: dict[str, Any] = await serving.statistics()
        self.assertEqual((found["size_bytes"], found["connections"]), (16 * MIB, 0))

    async def test_resized_in_part(self) -> None:
        """The size is known after a resize of which only what comes afterwards failed, too."""
        volume = open_volume(self.store, "v0", self.sessions.fresh())
        volume.write(5 * MIB, bytes(4096))
        volume.close()
        plan = f"{self.directory}/plan"
        with open(plan, "w") as file:
            json.dump({"rules": [{"calls": ["objects.zero"], "error": "EIO"}]}, file)
        datapath = ProcessDatapath(reactor, f"file:{self.path}?faults={plan}", 1)
        self.addCleanup(lambda: Deferred.fromCoroutine(datapath.close()))
        serving = await datapath.open("v0", self.sessions.fresh(), lambda: None)
        await refused(StorageUnavailable, serving.resize(6 * MIB))
        self.assertEqual(self.catalogue.info("v0").size_bytes, 6 * MIB)
        self.assertEqual(serving.size_bytes, 6 * MIB)
        await serving.close()

    def test_interface(self) -> None:
        """It provides what it says."""
        self.assertTrue(IServing.implementedBy(WorkerServing))
