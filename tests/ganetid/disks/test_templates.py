"""
Disk templates: what each makes and removes, and how QEMU reaches it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from archipelagod.wire.client import BlockClient
from ganetid.cluster.model import Disk
from ganetid.disks.archipelago import (
    AWAY_DELAY_S,
    AWAY_PATIENCE_S,
    BUSY_DELAY_S,
    BUSY_PATIENCE_S,
    Archipelago,
    map_of,
)
from ganetid.disks.blocks import IBlocks, MemoryBlocks, MemoryVolume
from ganetid.disks.devices import BlockDevices
from ganetid.disks.diskless import Diskless
from ganetid.disks.ext import ExtTemplate
from ganetid.disks.files import FileTemplate
from ganetid.disks.interface import MIB, IDiskTemplate
from ganetid.disks.storage_paths import FileStoragePathError, StoragePaths
from ganetid.hypervisor.interface import NbdDrive
from ganetid.opcodes.errors import OpExecError

DISK = Disk("snf-vol-1", "u", 8, provider="archipelago")


def result_of(test: SynchronousTestCase, work: Any) -> Any:
    return test.successResultOf(Deferred.fromCoroutine(work))


def error_of(test: SynchronousTestCase, work: Any) -> OpExecError:
    error = test.failureResultOf(Deferred.fromCoroutine(work), OpExecError).value
    assert isinstance(error, OpExecError)
    return error


class InterfaceTests(SynchronousTestCase):
    """Everything has what its interface says."""

    def test_interfaces(self) -> None:
        """Templates, the provider, and both kinds of blocks."""
        provider = Archipelago(Clock(), MemoryBlocks(), "/nbd")
        everything = (ExtTemplate({}), FileTemplate(Path()), Diskless(), BlockDevices(), provider)
        for template in everything:
            verifyObject(IDiskTemplate, template)
        verifyObject(IBlocks, MemoryBlocks())
        verifyObject(IBlocks, BlockClient(Clock(), "unix:/x", b"s"), tentative=True)


class ArchipelagoTests(SynchronousTestCase):
    """Volumes of archipelagod."""

    def setUp(self) -> None:
        self.clock, self.blocks = Clock(), MemoryBlocks()
        self.blocks.volumes["image"] = MemoryVolume("image", 1024, read_only=True)
        self.disks = ExtTemplate({"archipelago": Archipelago(self.clock, self.blocks, "/nbd")})

    def test_life(self) -> None:
        """A disk is made, is there, is reached under its own name, and is removed, even twice."""
        result_of(self, self.disks.create("i", DISK))
        self.assertTrue(result_of(self, self.disks.exists("i", DISK)))
        self.assertEqual(self.blocks.volumes["snf-vol-1"].size_bytes, 8 * 1024 * 1024)
        self.assertEqual(self.disks.drive("i", DISK), NbdDrive("/nbd", "snf-vol-1"))
        for _ in range(2):
            result_of(self, self.disks.remove("i", DISK))
            self.assertFalse(result_of(self, self.disks.exists("i", DISK)))

    def test_refused(self) -> None:
        """A refusal says for certain that nothing was made."""
        result_of(self, self.disks.create("i", DISK))
        self.assertTrue(error_of(self, self.disks.create("i", DISK)).nothing_made)
        clone = evolve(DISK, name="other", params={"origin": "absent"})
        self.assertTrue(error_of(self, self.disks.create("i", clone)).nothing_made)

    def test_away(self) -> None:
        """When storage does not answer for long, nobody knows whether anything was made."""
        self.blocks.away = True
        making = Deferred.fromCoroutine(self.disks.create("i", DISK))
        self.clock.pump([1.0] * int(AWAY_PATIENCE_S))
        self.assertFalse(self.failureResultOf(making, OpExecError).value.nothing_made)

    def test_started_again(self) -> None:
        """Storage that was only started again is waited for, whatever is asked of it."""
        for ask in (self.disks.create, self.disks.exists, self.disks.remove):
            self.blocks.away = True
            asking = Deferred.fromCoroutine(ask("i", DISK))
            self.clock.advance(AWAY_DELAY_S)
            self.assertNoResult(asking)
            self.blocks.away = False
            self.clock.advance(AWAY_DELAY_S)
            self.successResultOf(asking)

    def test_lost_answer(self) -> None:
        """A volume that was made before the answer got lost is made."""
        for disk in (DISK, evolve(DISK, name="clone", params={"origin": "image"})):
            self.blocks.loses_answer = True
            making = Deferred.fromCoroutine(self.disks.create("i", disk))
            self.clock.advance(AWAY_DELAY_S)
            self.successResultOf(making)
            self.assertIn(disk.name, self.blocks.volumes)

    def test_busy(self) -> None:
        """A volume that something has open is tried again, but not for ever."""
        result_of(self, self.disks.create("i", DISK))
        self.blocks.busy.add("snf-vol-1")
        removing = Deferred.fromCoroutine(self.disks.remove("i", DISK))
        self.clock.advance(BUSY_DELAY_S)
        self.assertNoResult(removing)
        self.blocks.busy.clear()
        self.clock.advance(BUSY_DELAY_S)
        self.successResultOf(removing)
        self.assertNotIn("snf-vol-1", self.blocks.volumes)

    def test_busy_for_ever(self) -> None:
        """In the end it is an error, and the volume stays."""
        result_of(self, self.disks.create("i", DISK))
        self.blocks.busy.add("snf-vol-1")
        removing = Deferred.fromCoroutine(self.disks.remove("i", DISK))
        self.clock.pump([BUSY_DELAY_S] * (int(BUSY_PATIENCE_S / BUSY_DELAY_S) + 2))
        self.failureResultOf(removing, OpExecError)
        self.assertIn("snf-vol-1", self.blocks.volumes)

    def test_grow(self) -> None:
        """It grows once, and is never cut."""
        result_of(self, self.disks.create("i", DISK))
        for size_mib in (12, 12, 10):
            result_of(self, self.disks.grow("i", DISK, size_mib))
            self.assertEqual(result_of(self, self.disks.size("i", DISK)), 12 * MIB)

    def test_snapshot(self) -> None:
        """A snapshot is a read-only volume of its own; a lost answer makes no second one."""
        result_of(self, self.disks.create("i", DISK))
        self.blocks.loses_answer = True
        making = Deferred.fromCoroutine(self.disks.snapshot("i", DISK, "s"))
        self.clock.advance(AWAY_DELAY_S)
        self.successResultOf(making)
        self.assertTrue(self.blocks.volumes["s"].read_only)
        self.assertTrue(error_of(self, self.disks.snapshot("i", DISK, "s")).nothing_made)

    def test_rename(self) -> None:
        """It is found under its new name, also when the rename is done again after a crash."""
        result_of(self, self.disks.create("i", DISK))
        for _ in range(2):
            result_of(self, self.disks.rename("i", DISK, "j", "new"))
            self.assertEqual(list(self.blocks.volumes), ["image", "new"])
        self.blocks.volumes.pop("new")
        error_of(self, self.disks.rename("i", DISK, "j", "new"))

    def test_handover(self) -> None:
        """Before a migration archipelagod is told that a second QEMU comes."""
        result_of(self, self.disks.create("i", DISK))
        result_of(self, self.disks.allow_handover("i", DISK))
        self.assertEqual(self.blocks.handovers, ["snf-vol-1"])
        error_of(self, self.disks.allow_handover("i", evolve(DISK, name="absent")))

    def test_activate(self) -> None:
        """What is not there can't be made active."""
        error_of(self, self.disks.activate("i", DISK))
        result_of(self, self.disks.create("i", DISK))
        self.assertEqual(
            result_of(self, self.disks.activate("i", DISK)), NbdDrive("/nbd", "snf-vol-1")
        )

    def test_unknown_provider(self) -> None:
        """A provider that is not there is an error."""
        error_of(self, self.disks.create("i", evolve(DISK, provider="rados")))

    def test_origin(self) -> None:
        """An origin is a map's name, with or without Synnefo's scheme."""
        for origin in ("image", "pithosmap://image/1024", "pithosmap://image"):
            self.assertEqual(map_of(origin), "image")


class FileTests(TestCase):
    """Raw files."""

    def test_life(self) -> Deferred[None]:
        """A sparse file for its owner alone; made once; removed with its directory."""

        async def check() -> None:
            directory = Path(self.mktemp())
            template = FileTemplate(directory)
            await template.create("i", DISK)
            path = Path(template.drive("i", DISK).path)
            status = path.stat()
            self.assertEqual((status.st_size, status.st_mode & 0o777), (8 * 1024 * 1024, 0o600))
            self.assertLess(status.st_blocks * 512, 65536)
            error = await self.assertFailure(
                Deferred.fromCoroutine(template.create("i", DISK)), OpExecError
            )
            self.assertTrue(error.nothing_made)
            await template.remove("i", DISK)
            await template.remove("i", DISK)
            self.assertFalse(await template.exists("i", DISK))
            self.assertEqual(list(directory.iterdir()), [])

        return Deferred.fromCoroutine(check())

    def test_grow(self) -> Deferred[None]:
        """A file grows, keeps its content, and is never cut."""

        async def check() -> None:
            template = FileTemplate(Path(self.mktemp()), "sharedfile")
            await template.create("i", DISK)
            path = Path(template.drive("i", DISK).path)
            with path.open("r+b") as stream:
                stream.write(b"content")
            for size_mib in (12, 10):
                await template.grow("i", DISK, size_mib)
                self.assertEqual(await template.size("i", DISK), 12 * MIB)
            self.assertEqual(path.read_bytes()[:7], b"content")
            await self.refused(template.grow("i", evolve(DISK, name="absent"), 12))

        return Deferred.fromCoroutine(check())

    def test_rename(self) -> Deferred[None]:
        """A file goes with its instance; another's file is never replaced."""

        async def check() -> None:
            directory = Path(self.mktemp())
            template = FileTemplate(directory)
            await template.create("i", DISK)
            for _ in range(2):
                await template.rename("i", DISK, "j", "new")
                self.assertEqual(list(directory.iterdir()), [directory / "j"])
            await template.create("i", DISK)
            await self.refused(template.rename("i", DISK, "j", "new"))
            self.assertTrue(await template.exists("i", DISK))

        return Deferred.fromCoroutine(check())

    def test_no_way_out(self) -> Deferred[None]:
        """No name leads out of the directory."""

        async def check() -> None:
            template = FileTemplate(Path(self.mktemp()))
            for instance, name in (("..", "x"), ("i", "../x"), ("i/../..", "x"), ("i", "x\0")):
                await self.refused(template.create(instance, evolve(DISK, name=name)))
            await template.create("i", DISK)
            await self.refused(template.rename("i", DISK, "..", "x"))

        return Deferred.fromCoroutine(check())

    def test_no_snapshots(self) -> Deferred[None]:
        """Files have no snapshots, and no origins."""

        async def check() -> None:
            template = FileTemplate(Path(self.mktemp()))
            await template.create("i", DISK)
            await self.refused(template.snapshot("i", DISK, "s"))
            await self.refused(template.create("i", evolve(DISK, params={"origin": "image"})))
            space = await template.statistics()
            self.assertTrue(space is not None and 0 < space.free_mib <= space.total_mib)

        return Deferred.fromCoroutine(check())

    async def refused(self, work: Any) -> None:
        await self.assertFailure(Deferred.fromCoroutine(work), OpExecError)


class StoragePathTests(TestCase):
    """Where files of disks may be."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).resolve()
        (self.base / "good").mkdir(parents=True)
        self.file = self.base / "file-storage-paths"
        self.paths = StoragePaths(self.file)

    def error(self, path: str) -> str:
        return str(self.assertRaises(FileStoragePathError, self.paths.check, Path(path)))

    def test_no_file(self) -> None:
        """Without the administrator's word there is no place; a comment is no word."""
        says = f"No paths are valid or path file '{self.file}' was not accessible."
        self.assertEqual(self.error(f"{self.base}/good/x"), says)
        self.file.write_text(f"# {self.base}/good\n\nrelative\n/\n")
        self.assertEqual(self.error(f"{self.base}/good/x"), says)

    def test_inside_only(self) -> None:
        """Just what is below an allowed path, by whatever name one gets there."""
        self.file.write_text(f"{self.base}/good\n/etc\n")
        self.paths.check(self.base / "good" / "i" / "d.raw")
        (self.base / "good" / "link").symlink_to(self.base)
        for bad in ("good", "goodbye/x", "good/../x", "good/link/x"):
            path = f"{self.base}/{bad}"
            says = f"Path '{path}' is not acceptable for file storage"
            self.assertEqual(self.error(path), says)
        self.assertEqual(self.error("x/y"), "File storage path must be absolute, got 'x/y'")
        self.assertEqual(self.error("/etc/x"), "Path '/etc/x' uses a forbidden prefix")
        (self.base / "good" / "etc").symlink_to("/etc")
        path = f"{self.base}/good/etc/x"
        self.assertEqual(self.error(path), f"Path '{path}' uses a forbidden prefix")

    def test_template(self) -> Deferred[None]:
        """A template makes, moves and removes nothing elsewhere."""

        async def check() -> None:
            self.file.write_text(f"{self.base}/good\n")
            good = FileTemplate(self.base / "good", paths=self.paths)
            await good.create("i", DISK)
            bad = FileTemplate(self.base / "bad", paths=self.paths)
            work = Deferred.fromCoroutine(bad.create("i", DISK))
            await self.assertFailure(work, FileStoragePathError)
            self.assertFalse((self.base / "bad").exists())

        return Deferred.fromCoroutine(check())
