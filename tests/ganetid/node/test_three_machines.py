"""
Three machines in three network namespaces: guests move while they run, machines die, and the
cluster goes on with everything that it had acknowledged.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.machines import Machine, MachinesTestCase


def body(name: str, node: str) -> dict[str, Any]:
    """A guest without disks: its firmware is all that runs."""
    given = create_body(
        name, hypervisor="kvm", disk_template="diskless", disks=[], pnode=node,
        beparams={"vcpus": 1, "memory": 64},
    )  # fmt: skip
    del given["osparams_private"]
    return given


class ThreeMachinesTests(MachinesTestCase):
    """With real QEMUs."""

    def test_life_and_death(self) -> Deferred[None]:
        """
        A guest migrates live; its new node dies, and it starts elsewhere; the master dies, and
        a candidate takes over: nothing acknowledged is lost, and no guest ever runs twice.
        """

        async def check() -> None:
            client = await self.make_cluster()
            one, two, three = self.machines
            for name, node in (("a", "node2"), ("b", "node3"), ("c", "node1")):
                job = await client.job("POST", "/2/instances", body(name, node))
                self.assertEqual(job["status"], "success", job)
            await self.migrates(client)
            await self.survives_a_node(client, three)
            three.spawn()
            await self.job(client, "PUT", "/2/nodes/node3/role?force=1", "regular")
            await self.job(client, "PUT", "/2/nodes/node3/role", "master-candidate")
            await self.in_sync(one)
            last = await self.job(client, "POST", "/2/instances", body("d", "node2"))
            await one.kill()
            await two.admin("master-failover")
            await self.up(two)
            await self.goes_on(two.client, last)

        return Deferred.fromCoroutine(check())

    async def migrates(self, client: Client) -> None:
        _, two, three = self.machines
        before = three.qemus()
        job = await self.job(client, "PUT", "/2/instances/a/migrate", {"target_node": "node3"})
        log = " ".join(str(entry[3]) for entry in job["oplog"][0])
        paused = re.search(r"paused for (\d+) ms", log)
        self.assertIsNotNone(paused, log)
        self.assertEqual((two.qemus(), len(three.qemus())), ([], len(before) + 1))
        self.assertEqual(await self.statuses(client), {
            "a": ("node3", "running"), "b": ("node3", "running"), "c": ("node1", "running"),
        })  # fmt: skip

    async def survives_a_node(self, client: Client, dead: Machine) -> None:
        await dead.kill()

        async def noticed() -> bool:
            return (await self.statuses(client))["a"][1] != "running"

        await self.until(noticed, "its death is noticed", 20.0)
        await self.job(client, "PUT", "/2/nodes/node3/role?force=1", "offline")
        job = await self.job(client, "POST", "/2/nodes/node3/evacuate", {"mode": "primary-only"})
        for _, moved in job["opresult"][0]["jobs"]:
            ended = await client.ended(moved)
            self.assertEqual(ended["status"], "success", ended)
        found = await self.statuses(client)
        self.assertEqual({status for _, status in found.values()}, {"running"})
        self.assertNotIn("node3", {node for node, _ in found.values()})
        self.assertEqual(sum(len(machine.qemus()) for machine in self.machines), 3)

    async def goes_on(self, client: Client, last: dict[str, Any]) -> None:
        """The new master has all of it, and starts what died with the old one."""
        _, known = await client.call("GET", f"/2/jobs/{last['id']}")
        self.assertEqual(known["status"], "success")
        found = await self.statuses(client)
        self.assertEqual(set(found), {"a", "b", "c", "d"})
        job = await self.job(client, "PUT", "/2/nodes/node1/role?force=1", "offline")
        self.assertGreater(job["id"], last["id"])
        job = await self.job(client, "POST", "/2/nodes/node1/evacuate", {"mode": "primary-only"})
        for _, moved in job["opresult"][0]["jobs"]:
            ended = await client.ended(moved)
            self.assertEqual(ended["status"], "success", ended)
        found = await self.statuses(client)
        self.assertEqual({status for _, status in found.values()}, {"running"})
        self.assertEqual(sum(len(machine.qemus()) for machine in self.machines), 4)

    async def statuses(self, client: Client) -> dict[str, tuple[str, str]]:
        _, shown = await client.call("GET", "/2/instances?bulk=1")
        return {each["name"]: (each["pnode"], each["status"]) for each in shown}

    async def job(self, client: Client, method: str, path: str, given: Any = None) -> Any:
        job = await client.job(method, path, given)
        self.assertEqual(job["status"], "success", job)
        return job
