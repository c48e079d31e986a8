"""
An external provider's disk through an instance's life on a node.
"""

from __future__ import annotations

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.cluster.model import Disk
from ganetid.hypervisor.fake import FakeHypervisor
from ganetid.network.user import UserNetwork
from ganetid.node.machine import Node
from ganetid.opcodes.errors import OpcodeError
from tests.ganetid.disks.provider import ProviderTestCase, actions_of
from tests.ganetid.os.system import INSTANCE

DISK = Disk("x.ext.disk0", "d-u", 8, provider="nas")
NODE_INSTANCE = evolve(INSTANCE, hypervisor="fake", disks=(DISK,), nics=(), primary_node="one")


class NodeTests(ProviderTestCase):
    """A node with a provider."""

    def setUp(self) -> None:
        super().setUp()
        (self.place / "instances").mkdir()
        self.node = Node(
            "one",
            self.place / "instances",
            {"fake": FakeHypervisor(reactor)},
            {"ext": self.template("one")},
            UserNetwork(),
        )

    def test_life(self) -> Deferred[None]:
        """The scripts are called as under Ganeti, from the creation to the removal."""

        async def check() -> None:
            await self.node.create_disk(NODE_INSTANCE, DISK)
            await self.node.start(NODE_INSTANCE)
            await self.node.stop(NODE_INSTANCE, 0)
            await self.node.remove_disk(NODE_INSTANCE, DISK)
            created, started = ["create", "attach", "open", "setinfo"], ["attach", "open"]
            stopped, removed = ["close", "detach"], ["detach", "remove"]
            self.assertEqual(actions_of(self.store), created + started + stopped + removed)
            self.assertFalse(list(self.store.glob("*.raw")))

        return Deferred.fromCoroutine(check())

    def test_failed_start(self) -> Deferred[None]:
        """A guest that does not start leaves its disk where it was."""

        async def check() -> None:
            broken = evolve(NODE_INSTANCE, name="unstartable-web")
            await self.node.create_disk(broken, DISK)
            work = Deferred.fromCoroutine(self.node.start(broken))
            await self.assertFailure(work, OpcodeError)
            self.assertEqual(actions_of(self.store)[-4:], ["attach", "open", "close", "detach"])

        return Deferred.fromCoroutine(check())

    def test_stubborn(self) -> Deferred[None]:
        """A guest is stopped even when its disk can't be let go."""

        async def check() -> None:
            await self.node.create_disk(NODE_INSTANCE, DISK)
            await self.node.start(NODE_INSTANCE)
            (self.scripts / "close").write_text("#!/bin/sh\nexit 1\n")
            await self.node.stop(NODE_INSTANCE, 0)
            self.assertFalse(await self.node.is_running(NODE_INSTANCE))

        return Deferred.fromCoroutine(check())
