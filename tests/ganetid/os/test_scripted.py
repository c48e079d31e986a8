"""
Scripts of an operating system: what they are told, and what they do to real disks.
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
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from ganetid.cluster.defaults import BEPARAMS, HVPARAMS
from ganetid.disks.files import FileTemplate
from ganetid.hypervisor.interface import DeviceDrive, FileDrive, NbdDrive
from ganetid.opcodes.errors import OpExecError, OpPrereqError
from ganetid.os.definition import OsDefinition
from ganetid.os.disk_files import PROGRAM, DiskFiles
from ganetid.os.environment import core_environment, instance_environment
from ganetid.os.image import ImageSystem
from ganetid.os.scripted import ScriptedSystems
from ganetid.os.systems import Listeners, OperatingSystems
from ganetid.os.task import OsTask, ReachedDisk
from ganetid.scripts.logged import Logbook
from ganetid.scripts.running import PATH
from tests.archipelagod.running import run, until
from tests.ganetid.os.system import INSTANCE, NETWORK, write_system

MIB = 1024 * 1024
DEBIAN = OsDefinition("debian", "/os", variants=("small", "large"))


class EnvironmentTests(SynchronousTestCase):
    """What scripts are told."""

    def test_core(self) -> None:
        """Parameters are variables of a kind of their own; the first variant is the default."""
        told = core_environment(DEBIAN, "debian", {"a-b": "x y", "x\nPATH": "/evil"})
        self.assertEqual(
            told,
            {
                "PATH": PATH,
                "OS_API_VERSION": "20",
                "OS_NAME": "debian",
                "OS_VARIANT": "small",
                "DEBUG_LEVEL": "0",
                "OSP_A_B": "x y",
                "OSP_X_PATH": "/evil",
            },
        )

    def test_instance(self) -> None:
        """Everything about an instance that Ganeti tells, and nothing else."""
        drive = NbdDrive("/run/nbd", "vol")
        task = OsTask(
            INSTANCE,
            (ReachedDisk(drive, "/run/disk0"),),
            {"net": NETWORK},
            node_uuid="node-u",
            parameters={"dhcp": "no"},
            debug_level=1,
        )
        parameters = {f"INSTANCE_BE_{key}": str(value) for key, value in BEPARAMS.items()}
        parameters |= {f"INSTANCE_HV_{key}": str(value) for key, value in HVPARAMS.items()}
        self.assertEqual(
            instance_environment(DEBIAN, task),
            {
                **parameters,
                "PATH": PATH,
                "OS_API_VERSION": "20",
                "OS_NAME": "debian",
                "OS_VARIANT": "small",
                "DEBUG_LEVEL": "1",
                "OSP_DHCP": "no",
                "INSTANCE_NAME": "web.example",
                "INSTANCE_OS": "debian+small",
                "INSTANCE_UUID": INSTANCE.uuid,
                "INSTANCE_CTIME": "1.5",
                "INSTANCE_MTIME": "2.5",
                "INSTANCE_PRIMARY_NODE": "node-u",
                "INSTANCE_SECONDARY_NODES": "",
                "HYPERVISOR": "kvm",
                "DISK_COUNT": "1",
                "DISK_0_ACCESS": "rw",
                "DISK_0_UUID": "d-u",
                "DISK_0_NAME": "vol",
                "DISK_0_SIZE": "8",
                "DISK_0_PATH": "/run/disk0",
                "DISK_0_URI": "nbd:unix:/run/nbd:exportname=vol",
                "DISK_0_BACKEND_TYPE": "block",
                "DISK_0_FRONTEND_TYPE": "paravirtual",
                "NIC_COUNT": "1",
                "NIC_0_MAC": "aa:00:01:00:00:01",
                "NIC_0_IP": "10.1.0.5",
                "NIC_0_MODE": "bridged",
                "NIC_0_LINK": "br7",
                "NIC_0_BRIDGE": "br7",
                "NIC_0_VLAN": ".100",
                "NIC_0_UUID": "c-u",
                "NIC_0_NAME": "eth",
                "NIC_0_FRONTEND_TYPE": "paravirtual",
                "NIC_0_NETWORK_NAME": "net",
                "NIC_0_NETWORK_UUID": "n-u",
                "NIC_0_NETWORK_SUBNET": "10.1.0.0/24",
                "NIC_0_NETWORK_GATEWAY": "10.1.0.1",
                "NIC_0_NETWORK_TAGS": "",
            },
        )

    def test_paths(self) -> None:
        """A file and a device are a path, and no address besides."""
        for drive in (FileDrive("/a"), DeviceDrive("/a")):
            told = instance_environment(DEBIAN, OsTask(INSTANCE, (ReachedDisk(drive, "/a"),)))
            self.assertEqual(told["DISK_0_PATH"], "/a")
            self.assertNotIn("DISK_0_URI", told)
        files = evolve(INSTANCE, disk_template="file")
        told = instance_environment(DEBIAN, OsTask(files, (ReachedDisk(FileDrive("/a"), "/a"),)))
        self.assertEqual(told["DISK_0_BACKEND_TYPE"], "file:loop")

    def test_secrets(self) -> None:
        """Parameters are never shown."""
        task = OsTask(INSTANCE, parameters={"password": "very secret"})
        self.assertNotIn("very secret", repr(task))


class SystemCase(TestCase):
    """Has a node's operating systems."""

    timeout = 90

    def setUp(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="os"))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.template = FileTemplate(self.place / "disks")
        self.instance = evolve(INSTANCE, disk_template="file")
        self.logged: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.listeners = Listeners(self.logged.append, self.told.append)
        logs = Logbook(reactor, self.place / "log")
        scripted = ScriptedSystems(logs, (self.place / "os",), timeout_s=30)
        image = ImageSystem(logs, None, self.no_seed, lambda: 12.5)
        files = DiskFiles(reactor, self.place / "files")
        self.systems = OperatingSystems(scripted, image, files, lambda: 12.5)

    async def no_seed(self, instance: Any, files: Any, label: str) -> None:
        raise AssertionError("a seed for an operating system with scripts")

    def system(self, **bodies: str) -> None:
        write_system(self.place / "os", "debian", bodies)

    def task(self, **parameters: str) -> OsTask:
        return OsTask(self.instance, networks={"net": NETWORK}, parameters=parameters)

    async def make_disk(self) -> Path:
        (disk,) = self.instance.disks
        await self.template.create(self.instance.name, disk)
        return Path(self.template.drive(self.instance.name, disk).path)


class ScriptedTests(SystemCase):
    """Scripts at work."""

    def test_create(self) -> Deferred[None]:
        """A create script fills the disk; what it says is logged, and its progress told."""

        async def check() -> None:
            progress = '{"type": "image-info", "messages": ["half"]}'
            self.system(
                create=f"""
                printf content >"$DISK_0_PATH"; echo "$OSP_DHCP $PWD ${{INSTANCE_REINSTALL-none}}"
                echo '{progress}'; echo warned >&2"""
            )
            path = await self.make_disk()
            await self.systems.create(self.task(dhcp="no"), self.template, self.listeners)
            self.assertEqual(path.read_bytes()[:7], b"content")
            says = f"no {self.place}/os/debian none"
            self.assertEqual(sorted(self.logged), [says, "warned"])
            self.assertEqual(self.told[0]["messages"], ["half"])
            (log,) = (self.place / "log").iterdir()
            self.assertTrue(log.name.startswith("add-debian+small-web.example-"))
            self.assertIn("warned", log.read_text())

        return Deferred.fromCoroutine(check())

    def test_reinstall_and_rename(self) -> Deferred[None]:
        """What is special about them is told."""

        async def check() -> None:
            self.system(create='echo "$INSTANCE_REINSTALL"', rename='echo "$OLD_INSTANCE_NAME"')
            await self.make_disk()
            await self.systems.create(self.task(), self.template, self.listeners, reinstall=True)
            await self.systems.rename(self.task(), self.template, "old", self.logged.append)
            self.assertEqual(self.logged, ["1", "old"])

        return Deferred.fromCoroutine(check())

    def test_failure(self) -> Deferred[None]:
        """A failure has Ganeti's words, the log's name and the last lines."""

        async def check() -> None:
            self.system(create="echo no space; exit 3")
            await self.make_disk()
            work = self.systems.create(self.task(), self.template, self.listeners)
            error = await self.assertFailure(Deferred.fromCoroutine(work), OpExecError)
            text = str(error.args[0])
            begins = f"OS create script failed (exited with exit code 3, see {self.place}/log/add-"
            self.assertTrue(text.startswith(begins), text)
            self.assertTrue(text.endswith("last lines in the log file:\nno space"))

        return Deferred.fromCoroutine(check())

    def test_export_and_import(self) -> Deferred[None]:
        """An image goes out by one descriptor and comes in by another."""

        async def check() -> None:
            self.system(
                export='echo 7 >&$EXP_SIZE_FD; head -c 7 "$EXPORT_DEVICE"; echo $EXPORT_INDEX >&2',
                **{"import": 'cat >"$IMPORT_DISK_PATH"'},
            )
            path = await self.make_disk()
            path.write_bytes(b"content")
            image = self.place / "image"
            handle = os.open(image, os.O_WRONLY | os.O_CREAT)
            await self.systems.export(self.task(), self.template, 0, handle)
            os.close(handle)
            self.assertEqual(image.read_bytes(), b"content")
            path.write_bytes(b"")
            handle = os.open(image, os.O_RDONLY)
            await self.systems.import_image(self.task(), self.template, 0, handle)
            os.close(handle)
            self.assertEqual(path.read_bytes(), b"content")

        return Deferred.fromCoroutine(check())

    def test_verify(self) -> Deferred[None]:
        """The system's own word on its parameters counts; unknown ones don't come to it."""

        async def check() -> None:
            self.system(verify='echo "$1 bad"; [ "$OSP_DHCP" != maybe ]')
            await self.systems.verify("debian+small", {"dhcp": "no"})
            await self.systems.verify("debian+huge", {}, force_variant=True)
            bad = {
                "OS validation script failed (exited with exit code 1), output: parameters bad": (
                    "debian+small",
                    {"dhcp": "maybe"},
                ),
                "not supported by the OS debian: x": ("debian+small", {"x": "1"}),
                "does not support variant 'huge'": ("debian+huge", {}),
                "Directory for OS absent not found": ("absent", {}),
                "Directory for OS ../os/debian not found": ("../os/debian", {}),
            }
            for words, (os_type, parameters) in bad.items():
                work = Deferred.fromCoroutine(self.systems.verify(os_type, parameters))
                error = await self.assertFailure(work, OpPrereqError)
                self.assertTrue(error.args[0].startswith("OS Parameters validation failed: "))
                self.assertIn(words, error.args[0])

        return Deferred.fromCoroutine(check())


class DiskFileTests(SystemCase):
    """NBD disks for scripts that need a path."""

    def setUp(self) -> None:
        super().setUp()
        if not (Path(PROGRAM).exists() and os.access("/dev/fuse", os.W_OK)):
            raise SkipTest("needs qemu-storage-daemon and /dev/fuse")
        self.files = DiskFiles(reactor, self.place / "files")

    async def serve(self) -> NbdDrive:
        """qemu-nbd with a disk of 8 MiB."""
        disk, socket, pid = (self.place / name for name in ("disk", "nbd", "pid"))
        with disk.open("wb") as stream:
            stream.truncate(8 * MIB)
        command = ("-f", "raw", "-t", "-e", "4", "-x", "vol", "-k", str(socket))
        code, said = await run("qemu-nbd", "--fork", *command, f"--pid-file={pid}", str(disk))
        self.assertEqual(code, 0, said)
        self.addCleanup(lambda: os.kill(int(pid.read_text()), 15))
        return NbdDrive(str(socket), "vol")

    def test_shown(self) -> Deferred[None]:
        """A disk is a file of its size while it is needed; what is written there is on the disk."""

        async def check() -> None:
            drive = await self.serve()
            async with self.files.reached((drive, FileDrive("/plain"))) as (shown, plain):
                self.assertEqual(plain.path, "/plain")
                path = Path(shown.path or "")
                self.assertEqual(path.stat().st_size, 8 * MIB)
                code, said = await run(
                    "dd", "if=/dev/zero", f"of={path}", "bs=1", "count=0", "conv=notrunc"
                )
                self.assertEqual(code, 0, said)
                code, said = await run("sh", "-c", f"printf mark | dd of={path} conv=notrunc")
                self.assertEqual(code, 0, said)
            self.assertEqual((self.place / "disk").read_bytes()[:4], b"mark")
            self.assertEqual(list((self.place / "files").iterdir()), [])

        return Deferred.fromCoroutine(check())

    def test_unreachable(self) -> Deferred[None]:
        """Where a disk can't be shown, its script is not begun."""

        async def check() -> None:
            async def use(files: DiskFiles) -> None:
                async with files.reached((NbdDrive(f"{self.place}/absent", "x"),)):
                    raise AssertionError("shown")

            for files in (self.files, DiskFiles(reactor, self.place / "files", "/absent")):
                work = Deferred.fromCoroutine(use(files))
                error = await self.assertFailure(work, OpExecError)
                self.assertIn("need a disk at a path", error.args[0])
            self.assertEqual(list((self.place / "files").iterdir()), [])

        return Deferred.fromCoroutine(check())

    def test_left_behind(self) -> Deferred[None]:
        """What a killed life of the daemon left is ended and unmounted."""

        async def check() -> None:
            drive = await self.serve()
            shown = self.files.reached((drive,))
            (disk,) = await shown.__aenter__()
            pid = int(next((self.place / "files").glob("*.pid")).read_text())
            await DiskFiles(reactor, self.place / "files").clear()
            self.assertEqual(list((self.place / "files").iterdir()), [])
            await until(lambda: not Path(f"/proc/{pid}").exists(), "it is gone")
            self.assertFalse(Path(disk.path or "").exists())
            await shown.__aexit__(None, None, None)

        return Deferred.fromCoroutine(check())


class ImageOfNoneTests(SynchronousTestCase):
    """Instances without an operating system."""

    def test_nothing_to_do(self) -> None:
        """They are left as they are."""
        logs = Logbook(Clock(), Path("/absent"))
        systems = OperatingSystems(
            ScriptedSystems(logs),
            None,
            None,
            lambda: 0.0,  # type: ignore[arg-type]
        )
        listeners = Listeners(self.fail, self.fail)
        task = OsTask(evolve(INSTANCE, os_type=""))
        self.successResultOf(
            Deferred.fromCoroutine(systems.create(task, None, listeners))  # type: ignore[arg-type]
        )
        self.successResultOf(Deferred.fromCoroutine(systems.verify("", {})))
