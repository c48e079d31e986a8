"""
Providers of external storage: a real one in shell, called as Ganeti calls it, read by a real QEMU.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ganetid.cluster.model import Disk
from ganetid.disks.ext import ExtTemplate
from ganetid.disks.interface import IDiskTemplate
from ganetid.disks.provider import Bench, ExternalProvider
from ganetid.disks.provider_scripts import (
    BadProvider,
    environment_of,
    metadata_from,
    provider_named,
)
from ganetid.disks.uris import UnknownAddress, address_of, drive_at
from ganetid.hypervisor.interface import (
    DeviceDrive,
    Drive,
    FileDrive,
    Guest,
    NbdDrive,
    NbdHostDrive,
)
from ganetid.opcodes.errors import OpExecError
from ganetid.scripts.logged import Logbook
from ganetid.scripts.running import PATH
from tests.ganetid.boot_sector import boot_sector
from tests.ganetid.disks.provider import ProviderTestCase, actions_of, calls_of, write_provider
from tests.ganetid.test_hypervisors import make_kvm, qemu_directory

NAME = "3f8d2f0e-5f0e-4b5c-9a3e-6a1c3d1f9e10.ext.disk0"
DISK = Disk(NAME, "0a1b", 8, provider="nas", params={"pool": "fast one", "access": "userspace"})


class EnvironmentTests(SynchronousTestCase):
    """What scripts are told."""

    def test_common(self) -> None:
        """Every variable of Ganeti's interface that any script has, and no other."""
        expected = {
            "HOME": "/root",
            "LC_ALL": "C",
            "PATH": PATH,
            "VOL_NAME": NAME,
            "VOL_CNAME": NAME,
            "VOL_UUID": "0a1b",
            "EXTP_POOL": "fast one",
            "EXTP_ACCESS": "userspace",
            "EXTP_PROVIDER": "nas",
        }
        self.assertEqual(environment_of(DISK, "userspace"), expected)
        self.assertEqual(
            environment_of(DISK, "userspace", size_mib=8, new_size_mib=9),
            {**expected, "VOL_SIZE": "8", "VOL_NEW_SIZE": "9"},
        )
        self.assertEqual(
            environment_of(DISK, "userspace", exclusive=False),
            {**expected, "VOL_OPEN_EXCLUSIVE": "False"},
        )

    def test_snapshot(self) -> None:
        """A snapshot is told neither the disk's name nor its UUID."""
        found = environment_of(DISK, snapshot=("s", 8))
        self.assertNotIn("VOL_CNAME", found)
        self.assertNotIn("VOL_UUID", found)
        self.assertEqual((found["VOL_SNAPSHOT_NAME"], found["VOL_SNAPSHOT_SIZE"]), ("s", "8"))

    def test_hostile_parameters(self) -> None:
        """A parameter can name no variable but one of its own kind."""
        disk = evolve(DISK, params={"x=1\nPATH": "/evil", "é": "1"})
        found = environment_of(disk)
        self.assertEqual(found["EXTP_X_1_PATH"], "/evil")
        self.assertEqual(found["PATH"], PATH)

    def test_metadata(self) -> None:
        """Metadata are harmless and short."""
        self.assertEqual(metadata_from("originstname+a.b-c"), "originstname+a.b-c")
        self.assertEqual(metadata_from("-a b\n$(x)"), "_a_b___x_")
        self.assertEqual(len(metadata_from("a" * 500)), 128)


class AddressTests(SynchronousTestCase):
    """Addresses of disks."""

    def test_addresses(self) -> None:
        """Every form of an address is the disk that QEMU would find there, and back."""
        known: dict[str, Drive] = {
            "nbd:unix:/a/b": NbdDrive("/a/b", ""),
            "nbd:unix:/a/b:exportname=x:y": NbdDrive("/a/b", "x:y"),
            "nbd:10.0.0.1:10809:exportname=x": NbdHostDrive("10.0.0.1", 10809, "x"),
            "/dev/shm/x": FileDrive("/dev/shm/x"),
        }
        for address, drive in known.items():
            self.assertEqual(drive_at(address), drive)
            self.assertEqual(address_of(drive), address)
        self.assertEqual(drive_at("nbd+unix:///e%20x?socket=/s"), NbdDrive("/s", "e x"))
        self.assertEqual(drive_at("nbd://[::1]/e"), NbdHostDrive("::1", 10809, "e"))
        self.assertEqual(drive_at("file:///a/b", True), FileDrive("/a/b", True))

    def test_others(self) -> None:
        """What no guest here can open is an error."""
        for bad in ("", "rbd:a/b", "nbd:unix:relative", "nbd:x", "file:x", "nbd:h:port", "json:{}"):
            self.assertRaises(UnknownAddress, drive_at, bad)


class ProviderDirectoryTests(SynchronousTestCase):
    """Which providers are whole."""

    def test_diagnosis(self) -> None:
        """What is missing is named, in Ganeti's words; what is optional may be missing."""
        place = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, place)
        directory = write_provider(place, "nas", place / "store")
        provider = provider_named("nas", [place / "absent", place])
        self.assertEqual(provider.parameters, (("pool", "Where volumes are"), ("fast", "")))
        (directory / "snapshot").unlink()
        self.assertNotIn("snapshot", provider_named("nas", [place]).scripts)
        (directory / "grow").chmod(0o644)
        self.refused(place, "nas", f"File 'grow' under path '{directory}' is not executable")
        (directory / "grow").unlink()
        missing = f"File 'grow' under path '{directory}' is missing (No such file or directory)"
        self.refused(place, "nas", missing)
        for name in ("other", "../store", ".", "nas/../nas", ""):
            text = f"Directory for External Storage Provider {name} not found in search path"
            self.refused(place, name, text)

    def refused(self, place: Path, name: str, text: str) -> None:
        self.assertEqual(str(self.assertRaises(BadProvider, provider_named, name, [place])), text)


class ExternalProviderTests(ProviderTestCase):
    """A provider at work."""

    timeout = 90

    def setUp(self) -> None:
        super().setUp()
        self.disks = self.template("one")

    async def failing(self, work: Any) -> OpExecError:
        error = await self.assertFailure(Deferred.fromCoroutine(work), OpExecError)
        assert isinstance(error, OpExecError)
        return error

    def test_interface(self) -> None:
        """It is a disk template like any other."""
        verifyObject(IDiskTemplate, ExternalProvider("x", Bench(Logbook(reactor, self.place))))

    def test_order_of_calls(self) -> Deferred[None]:
        """Through a disk's life the scripts are called as Ganeti calls them."""

        async def check() -> None:
            await self.disks.create("i", DISK)
            made = ["create", "attach", "open", "setinfo"]
            self.assertEqual(actions_of(self.store), made)
            await self.disks.deactivate("i", DISK)
            await self.disks.activate("i", DISK)
            await self.disks.grow("i", DISK, 12)
            await self.disks.snapshot("i", DISK, "monday")
            await self.disks.deactivate("i", DISK)
            await self.disks.remove("i", DISK)
            went = ["close", "detach", "attach", "open", "attach", "grow", "snapshot"]
            went += ["close", "detach", "detach", "remove"]
            self.assertEqual(actions_of(self.store), made + went)
            self.assertEqual((self.store / "monday.raw").stat().st_size, 12 * 1024 * 1024)

        return Deferred.fromCoroutine(check())

    def test_environments(self) -> Deferred[None]:
        """Each script has the variables that Ganeti gives it, and none besides."""

        async def check() -> None:
            os.environ["SECRET_OF_OURS"] = "x"
            self.addCleanup(os.environ.pop, "SECRET_OF_OURS")
            await self.disks.create("i.example", DISK)
            await self.disks.grow("i.example", DISK, 12)
            await self.disks.allow_handover("i.example", DISK)
            common = {**environment_of(DISK, "userspace"), "PWD": str(self.scripts)}
            info = {**common, "VOL_METADATA": "originstname+i.example"}
            grown = {**common, "VOL_SIZE": "8", "VOL_NEW_SIZE": "12"}
            expected = [
                ("create", {**common, "VOL_SIZE": "8"}),
                ("attach", common),
                ("open", {**common, "VOL_OPEN_EXCLUSIVE": "True"}),
                ("setinfo", info),
                ("attach", common),
                ("grow", grown),
                ("open", {**common, "VOL_OPEN_EXCLUSIVE": "False"}),
            ]
            self.assertEqual(calls_of(self.store), expected)

        return Deferred.fromCoroutine(check())

    def test_two_nodes(self) -> Deferred[None]:
        """Two nodes have it at once, shared, while a guest moves."""

        async def check() -> None:
            other = self.template("two")
            await self.disks.create("i", DISK)
            await self.failing(self.ask_drive(other))
            await self.disks.allow_handover("i", DISK)
            drive = await other.activate("i", DISK, exclusive=False)
            self.assertEqual(drive, self.disks.drive("i", DISK))
            self.assertEqual(calls_of(self.store)[-1][1]["VOL_OPEN_EXCLUSIVE"], "False")

        return Deferred.fromCoroutine(check())

    async def ask_drive(self, disks: ExtTemplate) -> Drive:
        return disks.drive("i", DISK)

    def test_failures(self) -> Deferred[None]:
        """A script's failure is the job's, with its last words and the log's name."""

        async def check() -> None:
            await self.disks.create("i", DISK)
            (self.scripts / "grow").write_text("#!/bin/sh\necho no room >&2\nexit 7\n")
            error = await self.failing(self.disks.grow("i", DISK, 12))
            text = str(error.args[0])
            begins = "External storage's grow script failed (exited with exit code 7, see "
            self.assertTrue(text.startswith(begins + str(self.place / "log-one" / "grow-nas-")))
            self.assertTrue(text.endswith("last lines of output:\nno room"), text)
            (self.scripts / "remove").write_text("#!/bin/sh\nexit 1\n")
            await self.failing(self.disks.remove("i", DISK))
            (self.scripts / "snapshot").unlink()
            error = await self.failing(self.disks.snapshot("i", DISK, "s"))
            self.assertTrue(error.nothing_made)
            await self.failing(self.disks.create("i", evolve(DISK, provider="../nas")))

        return Deferred.fromCoroutine(check())

    def test_failed_create(self) -> Deferred[None]:
        """What a create that failed did not make can be removed."""

        async def check() -> None:
            (self.scripts / "create").write_text("#!/bin/sh\nexit 1\n")
            await self.failing(self.disks.create("i", DISK))
            await self.disks.remove("i", DISK)
            self.assertFalse(await self.disks.exists("i", DISK))

        return Deferred.fromCoroutine(check())

    def test_block_device(self) -> Deferred[None]:
        """A provider's block device is the disk, when it is one, unless QEMU shall go past it."""

        async def check() -> None:
            device = next((each for each in Path("/dev").glob("loop[0-9]*")), Path("/dev/loop0"))
            if not device.is_block_device():
                os.mknod(self.store / "device", 0o600 | 0o060000, os.makedev(7, 0))
                device = self.store / "device"
            attach = self.scripts / "attach"
            attach.write_text(f"#!/bin/sh\necho {device}\necho kvm:file:/x\n")
            self.assertEqual(await self.disks.activate("i", DISK), FileDrive("/x"))
            kernel = evolve(DISK, params={})
            self.assertEqual(await self.disks.activate("i", kernel), DeviceDrive(str(device)))
            attach.write_text("#!/bin/sh\necho /dev/null\n")
            await self.failing(self.disks.activate("i", kernel))
            error = await self.failing(self.disks.activate("i", DISK))
            self.assertIn("Userspace access is not supported by the 'nas'", str(error))

        return Deferred.fromCoroutine(check())

    def test_guest(self) -> Deferred[None]:
        """A guest boots from a provider's volume, after it was let go and taken again."""
        return Deferred.fromCoroutine(self._guest())

    async def _guest(self) -> None:
        directory = qemu_directory(self)
        await self.disks.create("i", DISK)
        volume = self.store / f"{DISK.name}.raw"
        with volume.open("r+b") as stream:
            stream.write(boot_sector("booted from a provider's volume"))
        await self.disks.deactivate("i", DISK)
        drive = await self.disks.activate("i", DISK)
        hypervisor = make_kvm(directory)
        self.addCleanup(lambda: Deferred.fromCoroutine(hypervisor.clear("ext")))
        await hypervisor.recover(())
        guest = Guest("ext", "00000000-0000-0000-0000-000000000003", 32, 1, drives=(drive,))
        await hypervisor.start(guest)
        log = directory / "log" / "ext" / "console.log"
        for _ in range(600):
            if b"booted from a provider's volume" in log.read_bytes():
                break
            await deferLater(reactor, 0.1)
        self.assertIn("booted from a provider's volume", log.read_text())
        await hypervisor.clear("ext")
        await hypervisor.close()
