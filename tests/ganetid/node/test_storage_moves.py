"""
The steps of a migration on two nodes' own parts, with real QEMUs and real archipelagods: one for
both nodes, or one for each over one store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from archipelagod.service import build_service, shared_secret
from archipelagod.settings import ArchipelagoSettings
from archipelagod.wire.client import BlockClient
from ganetid.cluster.model import Disk, Instance
from ganetid.disks.archipelago import Archipelago
from ganetid.hypervisor.journeys import MigrationSettings
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.hypervisor.values import Guest, State
from ganetid.network.user import UserNetwork
from ganetid.node.moving import Moving
from ganetid.opcodes.errors import OpExecError
from tests.ganetid.hypervisor.bench import QemuTestCase, deferred
from tests.live.linux_guest import Shell

FAST = MigrationSettings(downtime_ms=100)
DISK = Disk("vol", "a1111111-2222-3333-4444-555555555555", 16, provider="archipelago")
INSTANCE = Instance(
    name="one", uuid="u", os_type="", hypervisor="kvm", disk_template="ext", disks=(DISK,),
    nics=(), beparams={}, hvparams={}, osparams={}, admin_state="up", ctime=0.0, mtime=0.0,
)  # fmt: skip


@frozen
class Side:
    """One node: its hypervisor, its part in a journey, its storage."""

    hypervisor: KvmHypervisor
    moving: Moving
    blocks: Any

    async def abort(self) -> None:
        """As the master calls a journey off here."""
        await self.moving.abort(INSTANCE)
        if self.hypervisor.state("one") is None:
            await self.moving.forget(INSTANCE)


class StorageMoveTests(QemuTestCase):
    """A Linux whose disk is a volume."""

    async def storage(self, name: str) -> tuple[Any, str]:
        """An archipelagod; a client of it, and its NBD socket."""
        home = f"{self.directory}/{name}"
        settings = ArchipelagoSettings(
            state_dir=home, listen=f"unix:{home}-wire", secret_file=f"{self.directory}/secret",
            nbd_socket=f"{home}-nbd", store=f"file:{self.directory}/store", datapath="inline",
        )  # fmt: skip
        service = build_service(settings, reactor)
        service.startService()
        self.addCleanup(service.stopService)
        await service.ready
        client = BlockClient(reactor, f"unix:{home}-wire", shared_secret(settings.secret_file))
        self.addCleanup(lambda: client.close())
        return client, settings.nbd_socket

    async def side(self, name: str, storage: tuple[Any, str]) -> Side:
        """A node with that storage."""
        hypervisor = await self.node(name)
        template = Archipelago(reactor, *storage)

        def guest_of(instance: Instance, _: Any) -> Guest:
            return self.linux(drives=(template.drive("one", DISK),))

        async def plug(_: Instance) -> tuple[Any, ...]:
            return ()

        moving = Moving(hypervisor, template, UserNetwork(), None, Path("/nowhere"), plug, guest_of)
        return Side(hypervisor, moving, storage[0])

    async def begin(self, daemons: int) -> tuple[Side, Side, Shell]:
        """Two nodes; the guest runs on the first."""
        storages = [await self.storage(f"s{number}") for number in range(daemons)]
        one = await self.side("one", storages[0])
        two = await self.side("two", storages[-1])
        await one.moving.template.create("one", DISK)
        await one.hypervisor.start(one.moving.guest_of(INSTANCE, ()))
        shell = await self.shell(one.hypervisor)
        await self.write(shell, "first")
        return one, two, shell

    async def write(self, shell: Shell, word: str) -> None:
        """The guest writes, and syncs."""
        await shell.run(f"echo {word} | dd of=/dev/vda bs=512 conv=sync,fsync 2>/dev/null")

    async def leaves(self, source: Side, target: Side) -> None:
        """The source has let go of the guest; nobody runs it."""
        await source.moving.let_go_soon(INSTANCE)
        shape = await source.hypervisor.shape("one")
        uri = await target.moving.expect(INSTANCE, shape)
        await source.moving.send(INSTANCE, uri, FAST)
        self.assertEqual(source.hypervisor.state("one"), State.LEFT)

    async def goes(self, source: Side, target: Side) -> Shell:
        """The guest goes on at the target, and has its disk."""
        await self.leaves(source, target)
        await target.moving.settle(INSTANCE, run=True)
        await source.moving.settle(INSTANCE, run=True)
        await source.moving.forget(INSTANCE)
        await target.moving.own_again(INSTANCE)
        return await self.shell(target.hypervisor, is_new=False)

    async def reads(self, shell: Shell, word: str) -> None:
        """What is on the disk, past the guest's own cache."""
        await shell.run("echo 3 >/proc/sys/vm/drop_caches")
        self.assertEqual(await shell.run("head -n 1 /dev/vda"), word)

    @deferred
    async def test_one_daemon(self) -> None:
        """There and back, with one archipelagod for both nodes; `test_migration` has two."""
        one, two, _ = await self.begin(1)
        there = await self.goes(one, two)
        await self.reads(there, "first")
        await self.write(there, "second")
        there.close()
        back = await self.goes(two, one)
        await self.reads(back, "second")
        await self.write(back, "third")
        self.assertEqual(await one.blocks.read("vol", 0, 5), b"third")
        self.assertEqual(self.ended, [])

    @deferred
    async def test_called_off_after_it_left(self) -> None:
        """Handed over already, the volume comes back to the source, where the guest goes on."""
        one, two, shell = await self.begin(2)
        await self.leaves(one, two)
        await two.moving.template.take_over("one", DISK)
        for side in (two, one):
            await side.abort()
        self.assertTrue(await one.hypervisor.verify("one"))
        await self.write(shell, "second")
        await self.reads(shell, "second")
        there = await self.goes(one, two)
        await self.reads(there, "second")

    @deferred
    async def test_not_handed_over(self) -> None:
        """A target that does not get the volume does not let the guest go on.  It waits long."""
        if not os.environ.get("SYNNEFO_LONG"):
            raise SkipTest("takes 10 s more: SYNNEFO_LONG=1")
        one, two, shell = await self.begin(2)
        await one.moving.let_go_soon(INSTANCE)
        uri = await two.moving.expect(INSTANCE, await one.hypervisor.shape("one"))
        await one.hypervisor.migrate("one", uri, FAST)  # but its volume stays
        settling = Deferred.fromCoroutine(two.moving.settle(INSTANCE, run=True))
        await self.assertFailure(settling, OpExecError)
        self.assertNotEqual(two.hypervisor.state("one"), State.RUNNING)
        for side in (two, one):
            await side.abort()
        await self.write(shell, "second")
