"""
Machines join a cluster and leave it, by the command and by jobs.
"""

from __future__ import annotations

from typing import Any

import click
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ganetid.node.rpc.client import NodeClient, Rejected, Unreachable
from tests.ganetid.cluster import create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase, until


class JoiningTests(ManyTestCase):
    """ganetid-admin node add, node join."""

    def test_join_and_use(self) -> Deferred[None]:
        """Instances are made on nodes that joined, run there, and are shown as running."""

        async def check() -> None:
            client = await self.three()
            _, nodes = await client.call("GET", "/2/nodes")
            self.assertEqual([each["id"] for each in nodes], ["node1", "node2", "node3"])
            for number, name in enumerate(("node1", "node2", "node3")):
                body = create_body(f"inst{number}", pnode=name)
                job = await client.job("POST", "/2/instances", body)
                self.assertEqual((job["status"], job["opresult"]), ("success", [[name]]))
                self.assertEqual(list(self.worlds[name]), [f"inst{number}"])
                _, shown = await client.call("GET", f"/2/instances/inst{number}")
                self.assertEqual((shown["status"], shown["pnode"]), ("running", name))
            _, node = await client.call("GET", "/2/nodes/node2")
            self.assertGreater(node["mtotal"], 0)
            job = await client.job("PUT", "/2/instances/inst1/shutdown", {"timeout": 1})
            self.assertEqual(job["status"], "success")
            self.assertEqual(self.worlds["node2"], {})
            _, shown = await client.call("GET", "/2/instances/inst1")
            self.assertEqual(shown["status"], "ADMIN_down")

        return Deferred.fromCoroutine(check())

    def test_guest_of_a_node_ends(self) -> Deferred[None]:
        """A guest elsewhere that powers itself off is entered and told, as one of the master."""

        async def check() -> None:
            await self.start("node1")
            await self.join("node1", "node2")
            client = self.client("node1")
            await client.job("POST", "/2/instances", create_body("inst", pnode="node2"))
            self.hypervisors["node2"].power_off("inst")
            await until(
                lambda: "OP_INSTANCE_SHUTDOWN" in {n["operation"] for _, n in self.listener.heard},
                "the end is told",
            )
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual(shown["admin_state"], "down")

        return Deferred.fromCoroutine(check())

    def test_token_counts_once(self) -> Deferred[None]:
        """A token that was used, or is for another name, lets nobody in."""

        async def check() -> None:
            await self.start("node1")
            self.settings("node2")
            self.settings("node3")
            token = (await self.admin("node1", "node", "add", "node2")).strip()
            await self.refused("node3", token, "is for node node2")
            await self.admin("node2", "node", "join", "--token", token)
            await self.refused("node2", token, "invitation")
            await self.start("node2")
            await self.all_reachable("node1")

        return Deferred.fromCoroutine(check())

    def test_remove(self) -> Deferred[None]:
        """A node with an instance stays; an empty one goes, and may not call any more."""

        async def check() -> None:
            await self.start("node1")
            await self.join("node1", "node2")
            client = self.client("node1")
            await client.job("POST", "/2/instances", create_body("inst", pnode="node2"))
            self.assertEqual((await self.run_job("OP_NODE_REMOVE", "node2"))["status"], "error")
            await client.job("DELETE", "/2/instances/inst", {"shutdown_timeout": 0})
            self.assertEqual((await self.run_job("OP_NODE_REMOVE", "node2"))["status"], "success")
            self.assertEqual((await client.call("GET", "/2/nodes/node2"))[0], 404)
            self.assertEqual((await self.run_job("OP_NODE_REMOVE", "node1"))["status"], "error")

        return Deferred.fromCoroutine(check())

    def told_ends(self) -> list[Any]:
        return [n for _, n in self.listener.heard if n["operation"] == "OP_INSTANCE_SHUTDOWN"]

    def is_up(self, name: str) -> bool:
        master = self.machines["node1"].master
        assert master is not None and master.fleet is not None
        return master.fleet.nodes.is_up(name)

    async def run_job(self, op_id: str, node: str) -> Any:
        master = self.machines["node1"].master
        assert master is not None
        job = await master.submit(op_id, {"node_name": node})
        return await self.client("node1").ended(job)

    async def refused(self, name: str, token: str, reason: str) -> None:
        try:
            await self.admin(name, "node", "join", "--token", token)
        except click.ClickException as error:
            self.assertIn(reason, str(error))
        else:
            self.fail("it was let in")

    def test_new_certificates(self) -> Deferred[None]:
        """All nodes get new keys while they work, the old ones are refused, and they can join."""

        async def check() -> None:
            client = await self.three()
            before = {name: each.half.identity for name, each in self.machines.items()}
            job = int((await self.admin("node1", "renew-crypto")).split()[1])
            ended = await client.ended(job)
            self.assertEqual(ended["status"], "success", ended)
            for name, machine in self.machines.items():
                identity = machine.half.identity
                self.assertNotEqual(identity.key, before[name].key)
                self.assertNotIn(before[name].authority, identity.authority)
            await self.stop("node2")
            await self.start("node2")
            await self.all_reachable("node1")
            job = await client.job("POST", "/2/instances", create_body("inst", pnode="node2"))
            self.assertEqual(job["status"], "success", job)
            await self.join("node1", "node4")
            authority = self.machines["node1"].half.identity.authority
            stolen = evolve(before["node1"], authority=authority)
            address = self.machines["node2"].half.address or ("", 0)
            old = NodeClient(reactor, "node2", address, lambda: stolen, lambda: 1)
            try:
                await old.send("call/facts", b"\x90")
            except (Unreachable, Rejected):
                pass
            else:
                self.fail("the old certificate is still taken")
            finally:
                await old.close()

        return Deferred.fromCoroutine(check())

    def test_guest_ends_while_its_node_is_away(self) -> Deferred[None]:
        """It is told once, however often the node goes and comes after that."""

        async def check() -> None:
            await self.start("node1")
            await self.join("node1", "node2")
            client = self.client("node1")
            await client.job("POST", "/2/instances", create_body("inst", pnode="node2"))
            for _ in range(2):
                await self.stop("node2")
                self.worlds["node2"].clear()
                await until(lambda: not self.is_up("node2"), "it is noticed")
                await self.start("node2")
                await self.all_reachable("node1")
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual(shown["status"], "ERROR_down")
            await until(self.told_ends, "its end is told")
            await deferLater(reactor, 0.5)
            self.assertEqual(len(self.told_ends()), 1)

        return Deferred.fromCoroutine(check())
