"""
Who may use a volume, and what may be done while it is used.
"""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from archipelagod import own_calls
from archipelagod.datapath.handover import Handover
from archipelagod.use import Attachment
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.volumes import Volumes
from archipelagod.wire.errors import NoSuchVolume, StorageError, StorageUnavailable, VolumeBusy
from archipelagod.wire.values import Extent, Limits
from tests.archipelagod.running import MIB, StorageCase, children, reactor, refused, until


class InlineCustodyTests(StorageCase):
    """With threads of the daemon."""

    datapath = "inline"

    async def volumes(self) -> Volumes:
        """The volumes of a daemon that has "v"."""
        service = await self.serve(datapath=self.datapath)
        found = service._volumes
        assert found is not None
        found._custody.grace_s = 0.2
        await found.create("v", 16 * MIB)
        return found

    def serve_nbd(self, attachment: Attachment) -> socket.socket:
        """A client's end of a served connection."""
        ours, theirs = socket.socketpair()
        ours.settimeout(10)
        self.addCleanup(ours.close)
        attachment.serve_nbd(theirs, Handover(False, False, b"hello", b""))
        return ours

    async def attached(self, volumes: Volumes, owner: int = 1) -> socket.socket:
        """A client that is served."""
        client = self.serve_nbd(await volumes.attach("v", owner))
        self.assertEqual(await deferToThread(client.recv, 5), b"hello")
        return client

    def is_closed(self, volumes: Volumes) -> bool:
        """Whether nobody has the volume open, and what it holds is written down."""
        return volumes._uses.get("v") is None

    async def test_one_process_at_a_time(self) -> None:
        """Connections of a process go together, another has to wait until the last is gone."""
        volumes = await self.volumes()
        first, second = await self.attached(volumes), await self.attached(volumes)
        await refused(VolumeBusy, volumes.attach("v", 2))
        first.close()
        await refused(VolumeBusy, volumes.attach("v", 2))
        waiting = Deferred.fromCoroutine(volumes.attach("v", 2))
        second.close()
        (await waiting).cancel()
        await until(lambda: self.is_closed(volumes), "closing")

    async def test_deserted(self) -> None:
        """A client whose process is gone is about to go, though it takes longer than others may."""
        volumes = await self.volumes()
        process = subprocess.Popen(["true"])
        process.wait()
        old = await self.attached(volumes, process.pid)
        reactor.callLater(1.0, old.close)
        await self.attached(volumes, 2)

    async def test_handover(self) -> None:
        """Once it is allowed one process more may come, and no third; then only that one."""
        volumes = await self.volumes()
        old = await self.attached(volumes, 1)
        await volumes.allow_handover("v")
        new = await self.attached(volumes, 2)
        await refused(VolumeBusy, volumes.attach("v", 3))
        await self.attached(volumes, 1)
        await self.attached(volumes, 2)
        self.assertEqual((await volumes.info("v")).connections, 4)
        old.close()
        new.close()

    async def test_handover_is_over(self) -> None:
        """When the first process is gone it does not come back."""
        volumes = await self.volumes()
        old = await self.attached(volumes, 1)
        await volumes.allow_handover("v")
        await self.attached(volumes, 2)
        old.close()
        await until(lambda: volumes._custody.connections("v") == 1, "the end of the first")
        await refused(VolumeBusy, volumes.attach("v", 1))

    async def test_many_readers(self) -> None:
        """A snapshot is for everyone."""
        volumes = await self.volumes()
        await volumes.snapshot("v", "s")
        attachments = [await volumes.attach("s", owner) for owner in range(5)]
        self.assertTrue(all(each.is_read_only for each in attachments))
        self.assertEqual(await volumes.read("s", 0, 1), b"\0")
        for each in attachments:
            each.cancel()

    async def test_own_calls_and_clients(self) -> None:
        """With a client there the daemon reads, but writes nothing."""
        volumes = await self.volumes()
        await volumes.write("v", 0, b"before")
        client = await self.attached(volumes)
        self.assertEqual(await volumes.read("v", 0, 6), b"before")
        await volumes.flush("v")
        await refused(VolumeBusy, volumes.write("v", 0, b"x"))
        await refused(VolumeBusy, volumes.zero("v", 0, 1))
        client.close()
        await until(lambda: volumes._custody.connections("v") == 0, "the end")
        await volumes.write("v", 0, b"after", fua=True)
        self.assertEqual(await volumes.read("v", 0, 6), b"aftere")

    async def test_pipelined(self) -> None:
        """Many calls are under way at once."""
        volumes = await self.volumes()
        writes = [
            Deferred.fromCoroutine(volumes.write("v", number * 5000, bytes([number]) * 5000))
            for number in range(100)
        ]
        for write in writes:
            await write
        self.assertEqual(await volumes.read("v", 99 * 5000, 2), b"cc")

    async def test_idle(self) -> None:
        """What the daemon opened for itself it closes after some seconds."""
        self.patch(own_calls, "IDLE_S", 0.3)
        volumes = await self.volumes()
        await volumes.write("v", 0, b"x")
        self.assertFalse(self.is_closed(volumes))
        await until(lambda: self.is_closed(volumes), "closing")
        self.assertEqual((await volumes.info("v")).own_bytes, 4 * MIB)
        self.assertEqual(await volumes.read("v", 0, 1), b"x")

    async def test_acquired(self) -> None:
        """An acquired volume stays open until it is released, whoever comes and goes."""
        volumes = await self.volumes()
        await volumes.acquire("v")
        client = await self.attached(volumes)
        client.close()
        await until(lambda: volumes._custody.connections("v") == 0, "the end of the client")
        await deferLater(reactor, 0.1)
        self.assertFalse(self.is_closed(volumes))
        await volumes.protect("v", on=True)  # closes it for a moment
        await until(lambda: not self.is_closed(volumes), "opening")
        await volumes.release("v")
        await until(lambda: self.is_closed(volumes), "closing")
        await refused(NoSuchVolume, volumes.acquire("absent"))

    async def test_live_changes(self) -> None:
        """Snapshots and sizes change under a client; what needs a closed volume is refused."""
        volumes = await self.volumes()
        await volumes.write("v", 0, b"old")
        client = await self.attached(volumes)
        await volumes.snapshot("v", "s")
        await volumes.resize("v", 20 * MIB)
        self.assertEqual((await volumes.info("v")).size_bytes, 20 * MIB)
        later = await volumes.attach("v", 1)
        self.assertEqual(later.size_bytes, 20 * MIB)
        later.cancel()
        for refusal in (volumes.seal("v"), volumes.delete("v"), volumes.rename("v", "w")):
            await refused(VolumeBusy, refusal)
        client.close()
        await until(lambda: volumes._custody.connections("v") == 0, "the end")
        await volumes.write("v", 0, b"new")
        self.assertEqual(await volumes.read("s", 0, 3), b"old")

    async def test_independent_copies(self) -> None:
        """A flattened clone and a copy share nothing any more."""
        volumes = await self.volumes()
        await volumes.write("v", 5 * MIB, b"content")
        await volumes.snapshot("v", "s")
        await volumes.clone("s", "c")
        shared = [Extent(0, 4 * MIB, "zero"), Extent(4 * MIB, 4 * MIB, "shared")]
        self.assertEqual((await volumes.mapr("c", 0, 16 * MIB))[:2], shared)
        steps: list[tuple[int, int]] = []
        await volumes.flatten("c", lambda done, total: steps.append((done, total)))
        self.assertTrue(steps)
        await volumes.copy("v", "d")
        for name in "cd":
            kinds = {extent.kind for extent in await volumes.mapr(name, 0, 16 * MIB)}
            self.assertEqual(kinds, {"zero", "own"})
            self.assertEqual(await volumes.read(name, 5 * MIB, 7), b"content")
        names = [info.name for info in await volumes.list("", 10, "")]
        self.assertEqual(names, ["c", "d", "s", "v"])

    async def test_limits(self) -> None:
        """Limits hold at once, for later openings, and until they are taken back."""
        volumes = await self.volumes()
        await volumes.set_limits("v", Limits(iops=20, burst_seconds=0.05))
        await volumes.rename("v", "w")
        for _ in range(2):
            began_s = reactor.seconds()
            for _ in range(8):
                await volumes.write("w", 0, b"x")
            self.assertGreater(reactor.seconds() - began_s, 0.25)
            await volumes.protect("w", on=False)  # closes it
        await volumes.set_limits("w", Limits())
        began_s = reactor.seconds()
        writes = [Deferred.fromCoroutine(volumes.write("w", 0, b"x")) for _ in range(200)]
        await gatherResults(writes)
        self.assertLess(reactor.seconds() - began_s, 8.0)  # with the limits it were ten seconds

    async def test_statistics(self) -> None:
        """Figures of every open volume."""
        volumes = await self.volumes()
        await volumes.create("other", MIB)
        await volumes.write("v", 0, b"12345")
        await volumes.read("other", 0, 10)
        found: dict[str, Any] = {}
        while not found or not all(each["operations"] for each in found.values()):
            await deferLater(reactor, 0.01)  # requests are counted just after their replies
            found = (await volumes.statistics())["volumes"]
        self.assertEqual(set(found), {"v", "other"})
        self.assertEqual(found["v"]["operations"]["write"]["bytes"], 5)
        self.assertEqual(found["other"]["operations"]["read"]["bytes"], 10)


class ProcessCustodyTests(InlineCustodyTests):
    """With workers."""

    datapath = "process"

    async def test_worker_dies(self) -> None:
        """Own calls fail once, and go on with a new worker; what is held is opened anew."""
        volumes = await self.volumes()
        await volumes.write("v", 0, b"kept")
        await volumes.acquire("v")
        (pid,) = children("datapath.worker")
        client = await self.attached(volumes)
        os.kill(pid, 9)
        self.assertEqual(await deferToThread(client.recv, 1), b"")
        await until(lambda: children("datapath.worker") not in ([], [pid]), "a new worker")
        try:
            found = await volumes.read("v", 0, 4)
        except StorageUnavailable:
            found = await volumes.read("v", 0, 4)
        self.assertEqual(found, b"kept")


class StoppingTests(StorageCase):
    """A daemon that stops while its own client writes."""

    async def test_writes_meanwhile(self) -> None:
        """They were done, or the answer is that storage is away; never that there is a defect."""
        service = await self.serve()
        volumes = service._volumes
        assert volumes is not None
        for number in range(4):
            await volumes.create(f"v{number}", MIB)
        told: list[BaseException | None] = []

        async def write(name: str) -> None:
            try:
                await volumes.write(name, 0, b"x")
                told.append(None)
            except StorageError as error:
                told.append(error)

        writes = [Deferred.fromCoroutine(write(f"v{number % 4}")) for number in range(40)]
        await volumes.close()
        await gatherResults(writes)
        self.assertEqual(len(told), 40)
        for error in told:
            if error is not None:
                self.assertIsInstance(error, StorageUnavailable)


class RecoveryTests(StorageCase):
    """What a daemon does at its start about volumes that nobody closed."""

    async def test_volumes_of_another_daemon(self) -> None:
        """A volume that another has open keeps nobody waiting; others are settled at once."""
        service = await self.serve(datapath="inline")
        volumes = service._volumes
        assert volumes is not None
        store = volumes._catalogue.store
        sessions = Sessions(store)
        for name in ("left", "used"):
            await volumes.create(name, MIB)
        used = open_volume(store, "used", sessions.fresh())
        self.addCleanup(used.close)
        used.write(0, b"x")
        left = open_volume(store, "left", sessions.fresh())
        left.write(0, b"y")
        left.map._lease.release()  # as if its process were gone
        recovering = Deferred.fromCoroutine(volumes.recover())
        await until(lambda: volumes._catalogue.unsettled() == ["used"], "one is settled")
        self.assertEqual(await volumes.read("left", 0, 1), b"y")
        recovering.addErrback(lambda failure: failure.trap(CancelledError))
        recovering.cancel()
