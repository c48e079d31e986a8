"""
Disk templates of a cluster: where their files may be, and content that goes from one to another.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from archipelagod.service import build_service as build_storage
from archipelagod.settings import ArchipelagoSettings
from ganetid.cluster.model import Change, Disk, PutInstance
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.journal import Commit, Journal, Submission
from ganetid.jobs.model import RUNNING, Job, Op
from ganetid.opcodes.definition import filled_input
from ganetid.opcodes.disk_conversion import Conversion
from ganetid.opcodes.table import OPCODES
from tests.ganetid.cluster import Client, ClusterTestCase, create_body
from tests.ganetid.disks.provider import end_servers, write_provider

CONTENT = b"what a guest wrote, and more" * 4000


def plain(name: str = "inst", **changes: Any) -> dict[str, Any]:
    """An instance without a system."""
    body = create_body(name, disk_template="file", disks=[{"name": "d0", "size": 8}],
                       osparams_private={}, no_install=True, start=False)  # fmt: skip
    return body | changes


class PathTests(ClusterTestCase):
    """Where files of disks may be."""

    def test_shared_files(self) -> Deferred[None]:
        """An instance's disks are files of the directory that all nodes share."""

        async def check() -> None:
            shared = self.directory / "shared"
            shared.mkdir()
            client = await self.start(shared_file_dir=str(shared))
            job = await client.job("POST", "/2/instances", plain(disk_template="sharedfile"))
            self.assertEqual(job["status"], "success", job["opresult"])
            self.assertEqual((shared / "inst" / "d0.raw").stat().st_size, 8 * 1024**2)
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual(shown["disk_template"], "sharedfile")
            job = await client.job("DELETE", "/2/instances/inst")
            self.assertEqual(list(shared.iterdir()), [])

        return Deferred.fromCoroutine(check())

    def test_guard(self) -> Deferred[None]:
        """Where the administrator allows no files there are none, and nothing is left."""

        async def check() -> None:
            allowed = self.directory / "file-storage-paths"
            allowed.write_text("/srv/elsewhere\n")
            client = await self.start(file_storage_paths=str(allowed))
            job = await client.job("POST", "/2/instances", plain())
            self.assertEqual(job["opresult"][0][0], "FileStoragePathError", job["opresult"])
            self.assertIn("is not acceptable for file storage", job["opresult"][0][1][0])
            self.assertEqual((await client.call("GET", "/2/instances/inst"))[0], 404)
            allowed.write_text(f"{self.directory / 'g' / 'disks'}\n")
            job = await client.job("POST", "/2/instances", plain())
            self.assertEqual(job["status"], "success", job["opresult"])

        return Deferred.fromCoroutine(check())

    def test_templates_that_are_not_there(self) -> Deferred[None]:
        """What this cluster can't do it refuses as Ganeti one that is not enabled."""

        async def check() -> None:
            client = await self.start()
            for template in ("plain", "drbd", "rbd", "gluster", "sharedfile"):
                job = await client.job("POST", "/2/instances", plain(disk_template=template))
                error, (message, code) = job["opresult"][0]
                self.assertEqual((error, code), ("OpPrereqError", "wrong_input"))
                self.assertEqual(
                    message,
                    f"Disk template '{template}' is not enabled in cluster. Enabled disk templates"
                    " are: diskless,ext,file",
                )

        return Deferred.fromCoroutine(check())


class DeviceTests(ClusterTestCase):
    """A real block device, which an instance adopts."""

    def setUp(self) -> None:
        super().setUp()
        if os.geteuid() != 0 or shutil.which("losetup") is None:
            raise SkipTest("only root can make a loop device")
        self.image = self.directory / "image"
        self.image.write_bytes(CONTENT.ljust(9 * 1024**2, b"\0"))
        command = ["losetup", "--find", "--show", str(self.image)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise SkipTest(f"there is no loop device: {made.stderr}")
        loop = made.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "--detach", loop], check=True)
        parents = [path for path in (Path("/dev/disk"), Path("/dev/disk/by-id"))
                   if not path.exists()]  # fmt: skip
        self.device = Path(f"/dev/disk/by-id/t-ganetid-{os.getpid()}")
        self.device.parent.mkdir(parents=True, exist_ok=True)
        for path in parents:
            self.addCleanup(path.rmdir)
        self.device.symlink_to(loop)
        self.addCleanup(self.device.unlink)

    def test_adopted(self) -> Deferred[None]:
        """It is as large as it is; its content goes to another template, and it stays."""

        async def check() -> None:
            client = await self.start()
            body = plain(disk_template="blockdev", disks=[{"adopt": str(self.device)}])
            job = await client.job("POST", "/2/instances", body)
            self.assertIn("is not enabled in cluster", job["opresult"][0][1][0])
            enabled = {"enabled_disk_templates": ["file", "blockdev"]}
            job = await client.job("PUT", "/2/modify", enabled)
            self.assertEqual(job["status"], "success", job["opresult"])
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job["opresult"])
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual((shown["disk_template"], shown["disk.sizes"]), ("blockdev", [9]))
            await client.job("PUT", "/2/instances/inst/startup")
            (drive,) = self.world["inst"].drives
            self.assertEqual(drive.path, str(self.device))
            other = plain("other", disk_template="blockdev", disks=body["disks"])
            job = await client.job("POST", "/2/instances", other)
            self.assertIn("is used by inst", job["opresult"][0][1][0])
            job = await client.job("POST", "/2/instances/inst/disk/0/grow", {"amount": 8})
            self.assertIn("does not support growing", str(job["opresult"]))
            await client.job("PUT", "/2/instances/inst/shutdown")
            job = await client.job("PUT", "/2/instances/inst/modify", {"disk_template": "file"})
            self.assertEqual(job["status"], "success", job["opresult"])
            (path,) = (self.directory / "g" / "disks" / "inst").iterdir()
            self.assertEqual(path.read_bytes(), self.image.read_bytes())
            self.assertTrue(self.device.exists())

        return Deferred.fromCoroutine(check())

    def test_refused(self) -> Deferred[None]:
        """Only devices, only below /dev/disk, each once; other templates adopt nothing."""

        async def check() -> None:
            client = await self.start()
            enabled = {"enabled_disk_templates": ["file", "blockdev"]}
            await client.job("PUT", "/2/modify", enabled)
            device = {"adopt": str(self.device)}
            for template, disks, text in (
                ("blockdev", [{"size": 8}], "requires disk adoption"),
                ("blockdev", [{"adopt": "/dev/sda"}], "lie outside /dev/disk/"),
                ("blockdev", [{"adopt": "/dev/disk/../sda"}], "Device node(s) /dev/sda lie"),
                ("blockdev", [{"adopt": "/dev/disk/absent"}], "Missing block device(s)"),
                ("blockdev", [device, device], "Duplicate disk names given for adoption"),
                ("file", [device], "Disk adoption is not supported for the 'file'"),
            ):
                body = plain(disk_template=template, disks=disks)
                job = await client.job("POST", "/2/instances", body)
                self.assertEqual(job["opresult"][0][0], "OpPrereqError", job["opresult"])
                self.assertIn(text, job["opresult"][0][1][0])

        return Deferred.fromCoroutine(check())


class ConversionTests(ClusterTestCase):
    """An instance's disks go from one template to another with what is on them."""

    def run_test(self, test: Any) -> Deferred[None]:
        """With a real archipelagod, and a provider of others."""
        place = self.directory / "a"
        place.mkdir()
        self.store = self.directory / "store"
        write_provider(self.directory / "providers", "nas", self.store)
        self.addCleanup(end_servers, self.store)

        async def run() -> None:
            wire, nbd, secret = f"unix:{place}/wire", str(place / "nbd"), str(place / "secret")
            storage = build_storage(
                ArchipelagoSettings(state_dir=str(place / "state"), listen=f"{wire}:mode=600",
                                    secret_file=secret, nbd_socket=nbd), reactor)  # fmt: skip
            storage.startService()
            self.addCleanup(lambda: deferLater(reactor, 0))
            self.addCleanup(storage.stopService)
            await storage.ready
            self.addCleanup(self.stop_services)
            self.blocks = None  # type: ignore[assignment]
            client = await self.start(
                nbd_socket=nbd, block_endpoint=wire, block_secret_file=secret,
                extstorage_search_path=(str(self.directory / "providers"),),
                shared_file_dir=str(self.directory / "shared"),
            )  # fmt: skip
            await test(client)

        return Deferred.fromCoroutine(run())

    def file(self, place: str = "g/disks") -> Path:
        (path,) = (self.directory / place / "inst").iterdir()
        return path

    async def to(self, client: Client, template: str, **changes: Any) -> Any:
        body = {"disk_template": template, **changes}
        job = await client.job("PUT", "/2/instances/inst/modify", body)
        self.assertEqual(job["status"], "success", job["opresult"])
        self.assertIn(["disk_template", template], job["opresult"][0])
        return job

    def test_round(self) -> Deferred[None]:
        """From a file to archipelago, to another's provider, to a shared file, and back."""

        async def check(client: Client) -> None:
            job = await client.job("POST", "/2/instances", plain())
            self.assertEqual(job["status"], "success", job["opresult"])
            with self.file().open("r+b") as stream:
                stream.seek(5 * 1024**2)
                stream.write(CONTENT)
            whole = self.file().read_bytes()
            job = await self.to(client, "ext", ext_params={"provider": "archipelago"})
            self.assertIn("Converting disk template from 'file' to 'ext'", str(job["oplog"]))
            self.assertFalse((self.directory / "g" / "disks" / "inst").exists())
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual((shown["disk_template"], shown["disk.sizes"]), ("ext", [8]))
            await self.to(client, "ext",
                          ext_params={"provider": "nas", "access": "userspace"})  # fmt: skip
            self.assertEqual((self.store / "d0.raw").read_bytes(), whole)
            await self.to(client, "sharedfile")
            self.assertFalse((self.store / "d0.raw").exists())
            self.assertEqual(self.file("shared").read_bytes(), whole)
            await self.to(client, "ext", ext_params={"provider": "archipelago"})
            await self.to(client, "file")
            self.assertEqual(self.file().read_bytes(), whole)

        return self.run_test(check)

    def test_refused(self) -> Deferred[None]:
        """What can't be is refused in Ganeti's words, and nothing changes."""

        async def check(client: Client) -> None:
            await client.job("POST", "/2/instances", plain())
            await client.job("PUT", "/2/instances/inst/startup")
            path = "/2/instances/inst"
            _, before = await client.call("GET", path)
            for body, text in (
                ({"disk_template": "file"}, "Instance already has disk template file"),
                ({"disk_template": "diskless"},
                 "Conversion to the 'diskless' disk template is not supported"),
                ({"disk_template": "plain"}, "Disk template 'plain' is not enabled for this"),
                ({"disk_template": "ext"}, "Missing provider for template 'ext'"),
                ({"disk_template": "sharedfile"}, "cannot change disk template"),
            ):  # fmt: skip
                job = await client.job("PUT", f"{path}/modify", body)
                self.assertEqual(job["opresult"][0][0], "OpPrereqError", job["opresult"])
                self.assertIn(text, job["opresult"][0][1][0])
            self.assertEqual((await client.call("GET", path))[1], before)
            await client.job("PUT", f"{path}/shutdown")
            job = await client.job("PUT", f"{path}/modify", {
                "disk_template": "ext", "ext_params": {"provider": "absent"}})  # fmt: skip
            self.assertEqual(job["opresult"][0][0], "OpExecError", job["opresult"])
            self.assertTrue(self.file().exists())
            _, shown = await client.call("GET", path)
            self.assertEqual(shown["disk_template"], "file")

        return self.run_test(check)


class InterruptedConversionTests(ClusterTestCase):
    """The journal is as a killed ganetid leaves it."""

    def run_test(self, is_durable: bool) -> Deferred[None]:
        shared = self.directory / "shared"
        disks = self.directory / "g" / "disks" / "inst"

        async def run() -> None:
            client = await self.start(shared_file_dir=str(shared))
            job = await client.job("POST", "/2/instances", plain())
            self.assertEqual(job["status"], "success", job["opresult"])
            half = self.services[-1].master
            assert half is not None
            old = half.cluster.instances["inst"]
            await self.services[-1].stopService()
            (disks / "d0.raw").write_bytes(CONTENT)
            (shared / "inst").mkdir(parents=True)
            (shared / "inst" / "d0.raw").write_bytes(b"half of it")
            new = evolve(old, disk_template="sharedfile", disks=(Disk("d0", "new", 8),))
            await self.leave(Conversion(old, new).notes, (PutInstance(new),) * is_durable)
            client = await self.start(shared_file_dir=str(shared))
            job = await client.ended(7)
            self.assertEqual(job["status"], "success", job["opresult"])
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual(shown["disk_template"], "sharedfile")
            self.assertFalse(disks.exists())
            found = (shared / "inst" / "d0.raw").read_bytes()
            self.assertTrue(found.startswith(b"half of it" if is_durable else CONTENT))

        return Deferred.fromCoroutine(run())

    async def leave(self, made: Any, changes: tuple[Change, ...]) -> None:
        journal = Journal(Database(self.directory / "g" / "cluster.db", OneThread(reactor, "t")))
        await journal.begin(1.0)
        given = {"instance_name": "inst", "disk_template": "sharedfile"}
        shown = filled_input(OPCODES["OP_INSTANCE_SET_PARAMS"], given)
        op = Op(shown, status=RUNNING, start=2, executed=3)
        left = evolve(Job(7, (op,), received=1), made=msgspec.to_builtins(made))
        await journal.submit([Submission(left, {})])
        await journal.commit(Commit(changes=changes, last_stamp=3))
        await journal.close()

    def test_while_it_was_copied(self) -> Deferred[None]:
        """What was made goes, and all is done again."""
        return self.run_test(is_durable=False)

    def test_before_the_old_disks_went(self) -> Deferred[None]:
        """The new disks stay as they are, the old ones go."""
        return self.run_test(is_durable=True)
