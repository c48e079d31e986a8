"""
One contract for INode, kept by the local node and by its proxy over real, mutual TLS.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from ganetid.cluster.model import ADMIN_UP, Disk, Instance
from ganetid.hypervisor.interface import Ended
from ganetid.node.interface import INode
from ganetid.node.membership import OlderMaster
from ganetid.node.remote import RemoteNode
from ganetid.node.rpc.calls import CALLS
from ganetid.node.rpc.client import NodeClient, Rejected
from ganetid.opcodes.errors import HypervisorError, OpExecError
from tests.ganetid.node.cluster_of_three import ManyTestCase, until

INSTANCE = Instance(
    name="inst",
    uuid="11111111-2222-3333-4444-555555555555",
    os_type="x",
    hypervisor="fake",
    disk_template="ext",
    disks=(Disk("vol", "u1", 64, provider="archipelago"),),
    nics=(),
    beparams={"maxmem": 128, "vcpus": 1},
    hvparams={},
    osparams={},
    admin_state=ADMIN_UP,
    ctime=1.0,
    mtime=1.0,
    primary_node="node2",
)


class NodeContract:
    """What every INode does; `node` is one whose hypervisor is self.hypervisors["node2"]."""

    node: Any

    async def begin(self) -> None:
        raise NotImplementedError

    def checked(self, body: Any) -> Deferred[None]:
        async def check() -> None:
            await self.begin()
            await body()

        return Deferred.fromCoroutine(check())

    def test_interface(self) -> Deferred[None]:
        async def body() -> None:
            verifyObject(INode, self.node)

        return self.checked(body)

    def test_a_guest(self) -> Deferred[None]:
        """A disk is made, the guest starts, is seen at once, stops, and goes."""

        async def body() -> None:
            node, disk = self.node, INSTANCE.disks[0]
            self.assertFalse(await node.has_disk(INSTANCE, disk))
            await node.create_disk(INSTANCE, disk)
            self.assertTrue(await node.has_disk(INSTANCE, disk))
            await node.write_config_drive(INSTANCE, {"a/b": b"\x00\xff"})
            await node.start(INSTANCE)
            self.assertEqual(node.running, {"inst"})
            self.assertTrue(await node.is_running(INSTANCE))
            self.assertTrue(await node.stop(INSTANCE, 5.0))
            self.assertEqual(node.running, frozenset())
            await node.clear(INSTANCE)
            await node.remove_disk(INSTANCE, disk)
            self.assertFalse(await node.has_disk(INSTANCE, disk))

        return self.checked(body)

    def test_errors(self) -> Deferred[None]:
        """Errors keep their class, their words, and whether nothing was made."""

        async def body() -> None:
            bad = evolve(INSTANCE, name="unstartable", disks=())
            error = await self.failure(self.node.start(bad), HypervisorError)
            self.assertIn("never does", str(error))
            await self.node.create_disk(INSTANCE, INSTANCE.disks[0])
            error = await self.failure(
                self.node.create_disk(INSTANCE, INSTANCE.disks[0]), OpExecError
            )
            self.assertTrue(error.nothing_made)

        return self.checked(body)

    def test_ends(self) -> Deferred[None]:
        """Who watches hears of a guest that ends, and that it no longer runs."""

        async def body() -> None:
            heard: list[Ended] = []
            self.node.watch(heard.append)
            await self.node.start(evolve(INSTANCE, disks=()))
            self.hypervisors["node2"].power_off("inst", by_guest=False)
            await until(lambda: heard, "the end is heard")
            self.assertEqual([(end.name, end.by_guest) for end in heard], [("inst", False)])
            self.assertEqual(self.node.running, frozenset())

        return self.checked(body)

    def test_recover(self) -> Deferred[None]:
        """Strays are ended, their NICs too; what should run and does not is told."""

        async def body() -> None:
            await self.node.start(evolve(INSTANCE, disks=()))
            await self.node.start(evolve(INSTANCE, name="stray", disks=()))
            network = self.machines["node2"].half.node.network
            await network.plug("left", (), {})  # by a start that was called off half-way
            ended = await self.node.recover(("inst", "away"), frozenset({"inst", "away"}))
            self.assertEqual([end.name for end in ended], ["away"])
            self.assertEqual(list(self.worlds["node2"]), ["inst"])
            self.assertEqual(network.plugged(), {"inst"})

        return self.checked(body)

    def test_facts(self) -> Deferred[None]:
        async def body() -> None:
            facts = await self.node.facts()
            self.assertGreater(facts.memory_total, 0)
            self.assertEqual(self.node.abilities.default_hypervisor, "fake")

        return self.checked(body)

    async def failure(self, asked: Any, kind: type[Exception]) -> Any:
        try:
            await asked
        except kind as error:
            return error
        raise AssertionError("it did not fail")


class LocalNodeTests(NodeContract, ManyTestCase):
    """The node of this daemon."""

    async def begin(self) -> None:
        await self.start("node2")
        self.node = self.machines["node2"].half.node


class RemoteNodeTests(NodeContract, ManyTestCase):
    """Its proxy in the master."""

    async def begin(self) -> None:
        await self.start("node1")
        await self.join("node1", "node2")
        half = self.machines["node1"].master
        assert half is not None and half.fleet is not None
        (self.node,) = half.fleet.remote()
        self.assertIsInstance(self.node, RemoteNode)

    def client_as(self, name: str, epoch: int) -> NodeClient:
        """A client of node2 that shows the certificate of `name`."""
        client = NodeClient(
            reactor,
            "node2",
            self.node.client.address,
            lambda: self.machines[name].half.identity,
            lambda: epoch,
        )
        self.addCleanup(lambda: Deferred.fromCoroutine(client.close()))
        return client

    def test_a_call_sent_twice(self) -> Deferred[None]:
        """The same request is done once, and answered twice alike."""

        async def body() -> None:
            client = self.client_as("node1", 1)
            arguments = msgspec.msgpack.encode([evolve(INSTANCE, disks=())])
            headers = {"x-ganetid-request": uuid.uuid4().hex}
            first = await client.send("call/start", arguments, headers)
            second = await client.send("call/start", arguments, headers)
            self.assertEqual(first, second)
            again = await client.send("call/start", arguments, {"x-ganetid-request": "other"})
            self.assertIn(b"HypervisorError", again.body)

        return self.checked(body)

    def test_sent_again_to_a_new_daemon(self) -> Deferred[None]:
        """What may have been done by a daemon that died is not done by the next one."""

        async def body() -> None:
            client = self.client_as("node1", 1)
            arguments = msgspec.msgpack.encode([evolve(INSTANCE, disks=())])
            headers = {"x-ganetid-request": "r", "x-ganetid-incarnation": "of the former"}
            error = await self.failure(client.send("call/start", arguments, headers), Rejected)
            self.assertEqual((error.status, self.worlds["node2"]), (410, {}))

        return self.checked(body)

    def test_fencing(self) -> Deferred[None]:
        """A master of an older epoch is refused, so is a node that is not the master."""

        async def body() -> None:
            arguments = msgspec.msgpack.encode([])
            await self.failure(
                self.client_as("node1", 0).send("call/facts", arguments), OlderMaster
            )
            error = await self.failure(
                self.client_as("node2", 1).send("call/facts", arguments), Rejected
            )
            self.assertEqual(error.status, 403)

        return self.checked(body)

    def test_away_and_back(self) -> Deferred[None]:
        """While its daemon is away calls fail for certain; its guests are known again after."""

        async def body() -> None:
            await self.node.start(evolve(INSTANCE, disks=()))
            await self.stop("node2")
            await until(lambda: not self.node.is_reachable, "it is noticed")
            error = await self.failure(self.node.reset(INSTANCE), OpExecError)
            self.assertTrue(error.nothing_made)
            await self.start("node2")
            await until(lambda: self.node.is_reachable, "it is back")

        return self.checked(body)

    def test_every_method_is_a_call(self) -> None:
        """With types for all arguments, so that none is decoded as anything."""
        for call in CALLS.values():
            self.assertEqual(len(call.names), len(call.kinds), call.name)
