"""
What becomes of jobs that were running when ganetid was killed.

The journal is written as a killed ganetid leaves it; a new one then starts on it.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.cluster.model import ADMIN_UP, Disk, Instance, PutInstance
from ganetid.hypervisor.interface import Guest
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.journal import Commit, Journal, Submission
from ganetid.jobs.model import QUEUED, RUNNING, Job, Op
from ganetid.opcodes.definition import filled_input, parted
from ganetid.opcodes.table import OPCODES
from tests.ganetid.cluster import NAME, ClusterTestCase, create_body

INSTANCE = Instance(
    name=NAME,
    uuid="11111111-2222-3333-4444-555555555555",
    os_type="x",
    hypervisor="fake",
    disk_template="ext",
    disks=(Disk(f"vol-{NAME}", "u1", 64, provider="archipelago"),),
    nics=(),
    beparams={},
    hvparams={},
    osparams={},
    admin_state=ADMIN_UP,
    ctime=1.0,
    mtime=1.0,
)
GUEST = Guest(NAME, INSTANCE.uuid, 128, 1)


class RecoveryTests(ClusterTestCase):
    """Jobs found at start."""

    async def leave(self, op_id: str, given: dict[str, Any], **job: Any) -> None:
        """Leave a journal with one unfinished job, number 7, and perhaps the instance."""
        (self.directory / "g").mkdir(mode=0o700)
        journal = Journal(Database(self.directory / "g" / "cluster.db", OneThread(reactor, "t")))
        beginning = await journal.begin(1.0)
        self.assertEqual(beginning.unfinished, ())
        shown, private = parted(filled_input(OPCODES[op_id], given))
        status = job.pop("status", RUNNING)
        changes = (PutInstance(INSTANCE),) if job.pop("exists", False) else ()
        op = Op(shown, status=status, start=2, executed=3)
        left = evolve(Job(7, (op,), received=1), **job)
        await journal.submit([Submission(left, private)])
        await journal.commit(Commit(changes=changes, last_stamp=3))
        await journal.close()

    def create(self) -> dict[str, Any]:
        body = create_body()
        del body["__version__"]
        return body

    async def made(self) -> dict[str, Any]:
        """The notes of a create that was about to make the volume."""
        await self.blocks.create(f"vol-{NAME}", 1)
        import msgspec

        return {"instance": msgspec.to_builtins(INSTANCE), "disks": [f"vol-{NAME}"]}

    def test_create_before_it_made_anything(self) -> Deferred[None]:
        """It ends in error, and a volume of that name is not its own to remove."""

        async def check() -> None:
            await self.blocks.create(f"vol-{NAME}", 1)
            await self.leave("OP_INSTANCE_CREATE", self.create())
            job = await (await self.start()).ended(7)
            self.assertEqual((job["status"], job["opresult"][0][0]), ("error", "OpExecError"))
            self.assertIn(f"vol-{NAME}", self.blocks.volumes)

        return Deferred.fromCoroutine(check())

    def test_create_half_done(self) -> Deferred[None]:
        """It is rolled back whole and ends in error with a reason; then the name is free."""

        async def check() -> None:
            await self.leave("OP_INSTANCE_CREATE", self.create(), made=await self.made())
            files = self.directory / "g" / "instances" / NAME
            files.mkdir(parents=True)
            (files / "config.iso").write_text("half")
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual(job["status"], "error")
            self.assertIn("interrupted", job["opresult"][0][1][0])
            self.assertEqual(list(self.blocks.volumes), ["image"])
            self.assertFalse(files.exists())
            self.assertEqual(await client.call("GET", "/2/instances"), (200, []))
            again = await client.job("POST", "/2/instances", create_body())
            self.assertEqual((again["status"], again["id"]), ("success", 8))

        return Deferred.fromCoroutine(check())

    def test_private_parameters_of_a_create(self) -> Deferred[None]:
        """They are not in what the job noted, and the instance has them all the same."""

        async def check() -> None:
            given = self.create()
            given["osparams_private"]["key"] = "priv4te"
            await self.leave("OP_INSTANCE_CREATE", given, made=await self.made())
            self.world[NAME] = GUEST
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual(job["status"], "success", job["opresult"])
            master = self.services[-1].master
            assert master is not None
            kept = master.cluster.instances[NAME].osparams_private
            self.assertEqual(kept, {"key": "priv4te"})

        return Deferred.fromCoroutine(check())

    def test_create_whose_guest_runs(self) -> Deferred[None]:
        """It is complete: the instance is entered and the success told."""

        async def check() -> None:
            await self.leave("OP_INSTANCE_CREATE", self.create(), made=await self.made())
            self.world[NAME] = GUEST
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual((job["status"], job["opresult"]), ("success", [["node1"]]))
            self.assertIn(f"vol-{NAME}", self.blocks.volumes)
            _, shown = await client.call("GET", f"/2/instances/{NAME}")
            self.assertEqual(shown["status"], "running")
            await self.heard(2)
            self.assertEqual(self.listener.statuses("OP_INSTANCE_CREATE"), ["running", "success"])

        return Deferred.fromCoroutine(check())

    def test_create_queued(self) -> Deferred[None]:
        """A job that had not begun just runs, with its private parameters."""

        async def check() -> None:
            await self.leave("OP_INSTANCE_CREATE", self.create(), status=QUEUED)
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual(job["status"], "success", job)
            self.assertTrue((self.directory / "g" / "instances" / NAME / "config.iso").exists())

        return Deferred.fromCoroutine(check())

    def test_startup(self) -> Deferred[None]:
        """A start that was interrupted is done, whether or not the guest was there already."""

        async def check() -> None:
            await self.leave("OP_INSTANCE_STARTUP", {"instance_name": NAME}, exists=True)
            self.world[NAME] = GUEST
            job = await (await self.start()).ended(7)
            self.assertEqual(job["status"], "success", job)
            self.assertIs(self.world[NAME], GUEST)

        return Deferred.fromCoroutine(check())

    def test_remove(self) -> Deferred[None]:
        """A removal goes on with what is left to be removed."""

        async def check() -> None:
            await self.leave("OP_INSTANCE_REMOVE", {"instance_name": NAME}, exists=True)
            client = await self.start()
            job = await client.ended(7)
            self.assertEqual(job["status"], "success", job)
            self.assertEqual((await client.call("GET", f"/2/instances/{NAME}"))[0], 404)

        return Deferred.fromCoroutine(check())

    def test_reboot(self) -> Deferred[None]:
        """Whether a guest that runs did reboot nobody knows: it is not done twice."""

        async def check() -> None:
            await self.leave("OP_INSTANCE_REBOOT", {"instance_name": NAME}, exists=True)
            self.world[NAME] = GUEST
            job = await (await self.start()).ended(7)
            self.assertEqual(job["status"], "error")
            self.assertIn("interrupted", job["opresult"][0][1][0])

        return Deferred.fromCoroutine(check())

    def test_strays(self) -> Deferred[None]:
        """A guest and files of no instance are removed at start."""

        async def check() -> None:
            self.world["stranger"] = GUEST
            (self.directory / "g" / "instances" / "old").mkdir(parents=True)
            await self.start()
            self.assertEqual(self.world, {})
            self.assertFalse((self.directory / "g" / "instances" / "old").exists())

        return Deferred.fromCoroutine(check())
