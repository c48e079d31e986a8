"""
Debian's hail with ganetid as its cluster, and instances that go to another group.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from ganetid.placement.program import program_named
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase

FILES = {"disk_template": "file", "disks": [{"size": 1}], "osparams_private": {}}


class GroupTests(ManyTestCase):
    """Three nodes, of which node3 is in a group of its own."""

    def run_test(self, test: Any, with_hail: bool) -> Deferred[None]:
        if with_hail and program_named("hail") is None:
            raise SkipTest("Debian's ganeti-htools is not installed")

        async def run() -> None:
            client = await self.three()
            await self.done(client, "POST", "/2/groups", {"name": "second"})
            await self.done(client, "PUT", "/2/groups/second/assign-nodes", {"nodes": ["node3"]})
            if with_hail:
                wish = {"default_iallocator": "hail",
                        "default_iallocator_params": {"no-capacity-checks": None}}  # fmt: skip
                await self.done(client, "PUT", "/2/modify", wish)
            await test(client)

        return Deferred.fromCoroutine(run())

    async def done(self, client: Client, *request: Any) -> Any:
        job = await client.job(*request)
        self.assertEqual(job["status"], "success", (job["opresult"], job["oplog"]))
        return job

    async def place(self, client: Client, name: str = "inst") -> str:
        return str((await client.call("GET", f"/2/instances/{name}"))[1]["pnode"])

    async def change_group(self, client: Client, **wish: Any) -> Any:
        """The job of the opcode, after those that it made."""
        job = await client.job("PUT", "/2/instances/inst/change-group", wish)
        for result in job["opresult"]:
            for _, child in result["jobs"] if isinstance(result, dict) else ():
                ended = await client.ended(child)
                self.assertEqual(ended["status"], "success", ended["opresult"])
        return job

    def test_hail(self) -> Deferred[None]:
        """New instances and those that move go where hail says."""

        async def check(client: Client) -> None:
            await self.moved(client)
            await self.done(client, "DELETE", "/2/instances/inst")
            await self.placed(client)
            await self.many(client)

        return self.run_test(check, with_hail=True)

    def test_change_group(self) -> Deferred[None]:
        """An instance goes to another group, unless it can't."""

        async def check(client: Client) -> None:
            await self.changes_its_group(client)
            await self.done(client, "DELETE", "/2/instances/inst")
            await self.can_not_change_it(client)

        return self.run_test(check, with_hail=False)

    async def placed(self, client: Client) -> None:
        """hail chooses a node, of the group that is named; it tells what does not fit."""
        wish = create_body("inst", group_name="second")
        job = await self.done(client, "POST", "/2/instances", wish)
        self.assertIn("via iallocator hail: node3", str(job["oplog"]))
        self.assertEqual(await self.place(client), "node3")
        await self.done(client, "POST", "/2/instances", create_body("filed", **FILES))
        huge = create_body("huge", beparams={"memory": 512 * 1024})
        job = await client.job("POST", "/2/instances", huge)
        message, code = job["opresult"][0][1]
        self.assertEqual(code, "insufficient_resources", message)
        self.assertIn("Can't compute nodes using iallocator 'hail': Request failed", message)
        huge["opportunistic_locking"] = True
        job = await client.job("POST", "/2/instances", huge)
        self.assertEqual(job["opresult"][0][1][1], "temp_insufficient_resources")

    async def moved(self, client: Client) -> None:
        """hail says where an instance fails over to, and a group's node for one that changes it."""
        await self.done(client, "POST", "/2/instances", create_body("inst", pnode="node1"))
        await self.done(client, "PUT", "/2/instances/inst/failover", {})
        self.assertEqual(await self.place(client), "node2")
        await self.done(client, "PUT", "/2/instances/inst/migrate", {})
        self.assertEqual(await self.place(client), "node1")
        job = await self.change_group(client, target_groups=["second"])
        self.assertEqual(job["status"], "success", job["opresult"])
        self.assertEqual(await self.place(client), "node3")
        self.assertIn("inst", self.worlds["node3"])

    async def many(self, client: Client) -> None:
        """Instances that are placed at once are placed by it too."""
        wanted = [create_body(f"inst{number}") for number in range(2)]
        for each in wanted:
            del each["__version__"]
        job = await self.done(client, "POST", "/2/instances-multi-alloc", {"instances": wanted})
        self.assertEqual(str(job["oplog"]).count("via iallocator hail"), 2)
        for _, child in job["opresult"][0]["jobs"]:
            self.assertEqual((await client.ended(child))["status"], "success")

    async def changes_its_group(self, client: Client) -> None:
        """By our own choice: migrated while it runs, failed over while it does not."""
        await self.done(client, "POST", "/2/instances", create_body("inst", pnode="node1"))
        job = await self.change_group(client, target_groups=["default"])
        self.assertIn("Can't use group(s)", str(job["opresult"]))
        job = await client.job("PUT", "/2/instances/inst/change-group?dry-run=1", {})
        self.assertEqual(job["opresult"], [{"jobs": []}])
        self.assertEqual(await self.place(client), "node1")
        await self.change_group(client)
        self.assertEqual(await self.place(client), "node3")
        self.assertIn("inst", self.worlds["node3"])
        await self.done(client, "PUT", "/2/instances/inst/shutdown")
        await self.change_group(client, target_groups=["default"])
        self.assertIn(await self.place(client), {"node1", "node2"})
        for world in self.worlds.values():
            self.assertNotIn("inst", world)

    async def can_not_change_it(self, client: Client) -> None:
        """Where its networks are not, where nothing takes it, or with disks of one node."""
        net = {"network_name": "net", "network": "10.7.0.0/24"}
        await self.done(client, "POST", "/2/networks", net)
        place = {"group_name": "default", "network_mode": "bridged", "network_link": "br1"}
        await self.done(client, "PUT", "/2/networks/net/connect", place)
        nics = [{"network": "net"}]
        body = create_body("inst", pnode="node1", nics=nics)
        await self.done(client, "POST", "/2/instances", body)
        job = await client.job("PUT", "/2/instances/inst/change-group", {})
        ((_, child),) = job["opresult"][0]["jobs"]
        self.assertIn("is not connected to node group second", str(await client.ended(child)))
        self.assertEqual(await self.place(client), "node1")
        filed = create_body("filed", pnode="node1", **FILES)
        await self.done(client, "POST", "/2/instances", filed)
        job = await client.job("PUT", "/2/instances/filed/change-group", {})
        self.assertIn("does not allow migrations", str(job["opresult"]))
        await self.done(client, "POST", "/2/nodes/node3/modify", {"drained": True})
        job = await client.job("PUT", "/2/instances/inst/change-group", {})
        self.assertIn("Can't compute solution for changing group", str(job["opresult"]))
        absent = create_body("other", iallocator="absent")
        job = await client.job("POST", "/2/instances", absent)
        self.assertIn("iallocator module 'absent' not found", str(job["opresult"]))
