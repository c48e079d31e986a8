"""
Instances go from node to node: migration, failover, evacuation; and what becomes of broken ones.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail

from ganetid.hypervisor.values import State
from ganetid.jobs import queue
from ganetid.node.spares import SpareKeeper
from ganetid.opcodes.errors import HypervisorError, OpExecError
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase, until


class MoveTests(ManyTestCase):
    """Three nodes with shared storage."""

    def checked(self, body: Any) -> Deferred[None]:
        async def check() -> None:
            client = await self.three()
            job = await client.job("POST", "/2/instances", create_body("inst", pnode="node2"))
            self.assertEqual(job["status"], "success", job)
            await body(client)

        return Deferred.fromCoroutine(check())

    async def run_op(self, client: Client, op_id: str, **given: Any) -> Any:
        master = self.machines["node1"].master
        assert master is not None
        return await client.ended(await master.submit(op_id, given))

    async def where(self, client: Client, name: str = "inst") -> tuple[Any, str, list[str]]:
        """(configured node, status, nodes whose hypervisor has the guest)."""
        _, shown = await client.call("GET", f"/2/instances/{name}")
        held = [node for node, world in self.worlds.items() if name in world]
        return shown["pnode"], shown["status"], held

    def test_migrate(self) -> Deferred[None]:
        """The guest goes on at the target, and nothing of it is left behind."""

        async def body(client: Client) -> None:
            job = await self.run_op(
                client, "OP_INSTANCE_MIGRATE", instance_name="inst", target_node="node3"
            )
            self.assertEqual(job["status"], "success", job)
            self.assertEqual(await self.where(client), ("node3", "running", ["node3"]))
            self.assertFalse((self.directory / "node2" / "instances" / "inst").exists())
            drive = self.directory / "node3" / "instances" / "inst" / "config.iso"
            self.assertTrue(drive.exists())

        return self.checked(body)

    def test_source_refuses(self) -> Deferred[None]:
        """A guest that can't leave runs on at its source; the target is clean."""

        async def body(client: Client) -> None:
            hypervisor: Any = self.hypervisors["node2"]
            hypervisor.migrate = lambda *_: fail(HypervisorError("the wire broke"))
            job = await self.run_op(
                client, "OP_INSTANCE_MIGRATE", instance_name="inst", target_node="node3"
            )
            self.assertEqual(job["status"], "error")
            self.assertIn("the wire broke", job["opresult"][0][1][0])
            self.assertEqual(await self.where(client), ("node2", "running", ["node2"]))

        return self.checked(body)

    def test_target_breaks_after_arrival(self) -> Deferred[None]:
        """A target that can't let it go on gives it up first; then it runs on at its source."""

        async def body(client: Client) -> None:
            hypervisor: Any = self.hypervisors["node3"]
            hypervisor.settle = lambda *_: fail(HypervisorError("its disk is away"))
            job = await self.run_op(
                client, "OP_INSTANCE_MIGRATE", instance_name="inst", target_node="node3"
            )
            self.assertEqual(job["status"], "error")
            self.assertIn("runs on at node2", job["opresult"][0][1][0])
            self.assertEqual(await self.where(client), ("node2", "running", ["node2"]))
            self.assertIs(self.hypervisors["node2"].state("inst"), State.RUNNING)

        return self.checked(body)

    def test_target_daemon_dies_after_arrival(self) -> Deferred[None]:
        """Its next life is asked where the guest is; the guest is not lost, nor is there two."""

        async def body(client: Client) -> None:
            async def die() -> None:
                await self.stop("node3")
                await self.start("node3")

            def settle(*_: Any) -> Deferred[None]:
                Deferred.fromCoroutine(die())
                return Deferred()

            hypervisor: Any = self.hypervisors["node3"]
            hypervisor.settle = settle
            job = await self.run_op(
                client, "OP_INSTANCE_MIGRATE", instance_name="inst", target_node="node3"
            )
            self.assertEqual(job["status"], "success", job)
            await self.all_reachable("node1")
            self.assertEqual(await self.where(client), ("node3", "running", ["node3"]))

        return self.checked(body)

    def test_of_one_that_is_down(self) -> Deferred[None]:
        """It can't be migrated; with allow_failover it goes, and stays down."""

        async def body(client: Client) -> None:
            await client.job("PUT", "/2/instances/inst/shutdown", {"timeout": 0})
            given = {"instance_name": "inst", "target_node": "node1"}
            job = await self.run_op(client, "OP_INSTANCE_MIGRATE", **given)
            self.assertEqual(
                job["opresult"][0],
                ["OpPrereqError", ["Can't migrate, please use failover", "wrong_state"]],
            )
            job = await self.run_op(client, "OP_INSTANCE_MIGRATE", **given, allow_failover=True)
            self.assertEqual(job["status"], "success", job)
            self.assertEqual(await self.where(client), ("node1", "ADMIN_down", []))

        return self.checked(body)

    def test_failover_of_a_dead_node(self) -> Deferred[None]:
        """
        It is refused until the node is marked offline; then the guest starts elsewhere, and one
        that is still there when the node comes back is ended.
        """

        async def body(client: Client) -> None:
            await self.spread()
            await self.stop("node2")  # its daemon; the guest runs on
            job = await self.run_op(client, "OP_INSTANCE_FAILOVER", instance_name="inst")
            self.assertEqual(job["status"], "error")
            self.assertIn("mark the node offline", job["opresult"][0][1][0])
            job = await self.run_op(
                client, "OP_NODE_SET_PARAMS", node_name="node2", offline=True, auto_promote=True
            )
            self.assertEqual(job["status"], "success", job)
            job = await self.run_op(
                client, "OP_NODE_EVACUATE", node_name="node2", mode="primary-only"
            )
            ((_, moved),) = job["opresult"][0]["jobs"]
            self.assertEqual((await client.ended(moved))["status"], "success")
            pnode, status, held = await self.where(client)
            self.assertEqual((status, sorted(held)), ("running", sorted(["node2", pnode])))
            drive = self.directory / pnode / "instances" / "inst" / "config.iso"
            self.assertTrue(drive.exists(), "its config drive came from a spare")
            await self.start("node2")
            job = await self.run_op(client, "OP_NODE_SET_PARAMS", node_name="node2", offline=False)
            self.assertEqual(job["status"], "success", job)
            await self.all_reachable("node1")
            self.assertEqual(await self.where(client), (pnode, "running", [pnode]))

        return self.checked(body)

    def test_cleanup(self) -> Deferred[None]:
        """
        What broken migrations left is put in order: half a guest goes, one that has left goes on
        where it arrived, and one that runs elsewhere is known to be there.
        """

        async def body(client: Client) -> None:
            two, three = self.hypervisors["node2"], self.hypervisors["node3"]
            uri = await three.expect(two.guest("inst"))
            await self.cleans_up(client)
            self.assertEqual(await self.where(client), ("node2", "running", ["node2"]))
            await three.expect(two.guest("inst"))
            await two.migrate("inst", uri)
            await self.cleans_up(client)
            self.assertEqual(await self.where(client), ("node3", "running", ["node3"]))
            await two.expect(three.guest("inst"))
            await three.migrate("inst", uri)
            for hypervisor in (two, three):
                await hypervisor.settle("inst")
            await self.cleans_up(client)
            self.assertEqual(await self.where(client), ("node2", "running", ["node2"]))
            await self.cleans_up(client)  # where nothing is broken
            self.assertEqual(await self.where(client), ("node2", "running", ["node2"]))

        return self.checked(body)

    async def cleans_up(self, client: Client) -> None:
        job = await client.job("PUT", "/2/instances/inst/migrate", {"cleanup": True})
        self.assertEqual(job["status"], "success", job)

    def test_move(self) -> Deferred[None]:
        """Disks that are files of a node go with their content; nothing stays."""

        async def body(client: Client) -> None:
            given = create_body(
                "f", pnode="node2", disk_template="file", disks=[{"name": "d0", "size": 9}]
            )
            job = await client.job("POST", "/2/instances", given)
            self.assertEqual(job["status"], "success", job)
            (disk,) = (self.directory / "node2" / "disks" / "f").iterdir()
            content = bytes(5 * 1024 * 1024) + b"x" * 1024 * 1024 + bytes(3 * 1024 * 1024)
            disk.write_bytes(content)
            job = await self.run_op(
                client, "OP_INSTANCE_MOVE", instance_name="f", target_node="node3",
                shutdown_timeout=0,
            )  # fmt: skip
            self.assertEqual(job["status"], "success", job)
            self.assertEqual(await self.where(client, "f"), ("node3", "running", ["node3"]))
            (disk,) = (self.directory / "node3" / "disks" / "f").iterdir()
            self.assertEqual(disk.read_bytes(), content)
            self.assertFalse((self.directory / "node2" / "disks" / "f").exists())

        return self.checked(body)

    def test_move_called_off(self) -> Deferred[None]:
        """While disks are copied; the instance runs on where it was, and nothing is left."""

        async def body(client: Client) -> None:
            given = create_body(
                "f", pnode="node2", disk_template="file", disks=[{"name": "d0", "size": 9}]
            )
            await client.job("POST", "/2/instances", given)
            (disk,) = (self.directory / "node2" / "disks" / "f").iterdir()
            disk.write_bytes(b"x" * 9 * 1024 * 1024)
            target: Any = self.machines["node3"].half.node
            write, written, go_on = target.write_chunk, Deferred[None](), Deferred[None]()

            async def slowly(*given: Any) -> None:
                if not written.called:
                    written.callback(None)
                await go_on
                await write(*given)

            target.write_chunk = slowly
            given = {"target_node": "node3", "shutdown_timeout": 0}
            master = self.machines["node1"].master
            assert master is not None
            job = await master.submit("OP_INSTANCE_MOVE", {"instance_name": "f", **given})
            await written
            _, answer = await client.call("DELETE", f"/2/jobs/{job}?running=1")
            self.assertTrue(answer[0], answer)
            go_on.callback(None)
            ended = await client.ended(job)
            self.assertEqual(ended["status"], "canceled", ended)
            self.assertEqual(await self.where(client, "f"), ("node2", "running", ["node2"]))
            self.assertFalse((self.directory / "node3" / "disks" / "f").exists())

        return self.checked(body)

    def test_evacuate(self) -> Deferred[None]:
        """All of a node's instances go elsewhere while they run."""

        async def body(client: Client) -> None:
            for name in ("a", "b"):
                await client.job("POST", "/2/instances", create_body(name, pnode="node2"))
            job = await self.run_op(client, "OP_NODE_EVACUATE", node_name="node2", mode="all")
            jobs = job["opresult"][0]["jobs"]
            self.assertEqual(len(jobs), 3)
            for _, moved in jobs:
                ended = await client.ended(moved)
                self.assertEqual(ended["status"], "success", ended)
            self.assertEqual(self.worlds["node2"], {})
            spread = [len(self.worlds["node1"]), len(self.worlds["node3"])]
            self.assertEqual(sorted(spread), [1, 2])

        return self.checked(body)

    def test_master_dies_in_between(self) -> Deferred[None]:
        """A migration whose master was lost after the guest had left is brought to its end."""

        async def body(client: Client) -> None:
            target: Any = self.hypervisors["node3"]
            real, never = target.settle, Deferred[None]()
            target.settle = lambda *_: never
            master = self.machines["node1"].master
            assert master is not None
            job = await master.submit(
                "OP_INSTANCE_MIGRATE", {"instance_name": "inst", "target_node": "node3"}
            )
            await self.left("node2")
            self.patch(queue, "STOP_PATIENCE_S", 0.1)
            await self.stop("node1")
            target.settle = real
            await self.start("node1")
            await self.all_reachable("node1")
            client = self.client("node1")
            ended = await client.ended(job)
            self.assertEqual(ended["status"], "success", ended)
            self.assertEqual(await self.where(client), ("node3", "running", ["node3"]))

        return self.checked(body)

    async def spread(self) -> None:
        """Let the master make its spare copies now."""
        master = self.machines["node1"].master
        assert master is not None and master.fleet is not None
        await SpareKeeper(master.cluster, master.fleet.nodes).look()

    def test_spares_of_a_node_that_goes(self) -> Deferred[None]:
        """A node that breaks while its spares are looked at keeps no other from having its own."""

        async def body(client: Client) -> None:
            def break_off(known: frozenset[str]) -> None:
                raise OpExecError("its daemon ends")

            broken: Any = self.machines["node1"].half.node
            broken.prune_spares = break_off
            await self.spread()
            spare = self.directory / "node3" / "spares" / "inst.iso"
            self.assertTrue(spare.exists())

        return self.checked(body)

    async def left(self, node: str) -> None:
        await until(
            lambda: self.hypervisors[node].state("inst") is State.LEFT, "the guest has left"
        )
