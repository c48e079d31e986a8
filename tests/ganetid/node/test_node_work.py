"""
What an administrator does with nodes: empty them, switch their power, look at their storage.
"""

from __future__ import annotations

import os
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase

OOB_PROGRAM = """#!/bin/sh
echo "$1 $2" >> "$0.said"
case $1 in
power-status) echo '{"powered": false}';;
health) echo '[["fan0", "OK"], ["disk1", "CRITICAL"]]';;
power-on) [ "$2" = node2 ] || { echo "no such machine" >&2; exit 1; };;
esac
"""


class NodeWorkTests(ManyTestCase):
    """Over the remote API, in a cluster of three."""

    def test_emptied(self) -> Deferred[None]:
        """A node is emptied by jobs of its own for each instance: migrated, or evacuated."""

        async def check() -> None:
            client = self.api = await self.three()
            for name in ("a", "b"):
                await self.done("POST", "/2/instances", create_body(name, pnode="node2"))
            await self.done("POST", "/2/instances", create_body("c", pnode="node2", start=False))
            given = {"target_node": "node3", "mode": "live"}
            moved = await self.jobs("POST", "/2/nodes/node2/migrate", given)
            self.assertEqual(sorted(moved.values()), ["error", "success", "success"])  # c is down
            self.assertEqual((await self.places()), {"a": "node3", "b": "node3", "c": "node2"})
            self.assertEqual(sorted(self.worlds["node3"]), ["a", "b"])
            empty = await self.jobs("POST", "/2/nodes/node3/evacuate", {"mode": "secondary-only"})
            self.assertEqual(empty, {})
            path = "/2/nodes/node3/evacuate?dry-run=1"
            self.assertEqual(await self.jobs("POST", path, {"mode": "all"}), {})
            given = {"mode": "primary-only", "remote_node": "node1"}
            moved = await self.jobs("POST", "/2/nodes/node3/evacuate", given)
            self.assertEqual(list(moved.values()), ["success", "success"])
            self.assertEqual(sorted(self.worlds["node1"]), ["a", "b"])
            moved = await self.jobs("POST", "/2/nodes/node2/evacuate", {"mode": "all"})
            self.assertEqual(list(moved.values()), ["success"])  # by a failover
            self.assertNotIn("node2", (await self.places()).values())
            await self.where_guests_are_not(client)

        return Deferred.fromCoroutine(check())

    async def where_guests_are_not(self, client: Client) -> None:
        """Statuses of instances whose guests are where, or as, they should not be."""
        guest = self.worlds["node1"]["a"]
        self.hypervisors["node1"].power_off("a", by_guest=False)
        await self.hypervisors["node2"].start(guest)  # somebody's mistake
        await self.reads(client, "a", ("ERROR_wrongnode", False))
        await self.hypervisors["node2"].stop("a", 1.0)
        await self.reads(client, "a", ("ERROR_down", False))
        await self.done("PUT", "/2/instances/b/shutdown")
        await self.hypervisors["node1"].start(evolve(guest, name="b"))
        await self.reads(client, "b", ("ERROR_up", True))
        await self.done("POST", "/2/instances", create_body("d", pnode="node3"))
        await self.stop("node3")
        await self.reads(client, "d", ("ERROR_nodedown", None))

    async def reads(self, client: Client, name: str, expected: tuple[str, bool | None]) -> None:
        found: Any = None
        for _ in range(200):
            _, shown = await client.call("GET", f"/2/instances/{name}")
            found = (shown["status"], shown["oper_state"])
            if found == expected:
                return
            await deferLater(reactor, 0.05)
        self.assertEqual(found, expected)

    def test_power_and_storage(self) -> Deferred[None]:
        """Power is switched by the administrator's program; storage is shown by unit."""

        async def check() -> None:
            self.api = await self.three()
            await self.power()
            await self.storage()

        return Deferred.fromCoroutine(check())

    async def power(self) -> None:
        program = self.directory / "oob"
        program.write_text(OOB_PROGRAM)
        program.chmod(0o755)
        words = await self.refused("POST", "/2/nodes/node2/powercycle")
        self.assertIn("OOB is not supported", words)
        await self.done("PUT", "/2/modify", {"ndparams": {"oob_program": str(program)}})
        self.assertIn("force", await self.refused("POST", "/2/nodes/node1/powercycle"))
        result = await self.done("POST", "/2/nodes/node2/powercycle")
        self.assertEqual(result, "Reboot scheduled in 5 seconds")
        self.assertIn("not marked offline", await self.switched("power-off", "node2", "error"))
        await self.done("PUT", "/2/nodes/node2/role", "offline")
        self.assertEqual(await self.switched("power-off", "node2"), [[[0, "node2"], [0, None]]])
        self.assertEqual(await self.powered(), [True, False, True])
        words = await self.refused("PUT", "/2/nodes/node2/role", "regular")
        self.assertIn("needs to be turned on", words)
        self.assertEqual(
            await self.switched("power-on", "node2", "success", "node3"),
            [[[0, "node2"], [0, None]], [[0, "node3"], [3, None]]],
        )
        health = [["fan0", "OK"], ["disk1", "CRITICAL"]]
        self.assertEqual(await self.switched("health", "node2"), [[[0, "node2"], [0, health]]])
        await self.switched("power-status", "node2")
        self.assertEqual(await self.powered(), [True, False, True])  # so the program says
        said = (self.directory / "oob.said").read_text().splitlines()
        self.assertEqual(said[:2], ["power-cycle node2", "power-off node2"])

    async def switched(self, command: str, node: str, end: str = "success", *more: str) -> Any:
        master = self.machines["node1"].master
        assert master is not None
        given = {"command": command, "node_names": [node, *more]}
        job = await self.api.ended(await master.submit("OP_OOB_COMMAND", given))
        self.assertEqual(job["status"], end, job)
        return job["opresult"][0] if end == "success" else str(job["opresult"][0][1][0])

    async def powered(self) -> list[bool]:
        _, found = await self.api.call("GET", "/2/query/node?fields=powered")
        return [row[0][1] for row in found["data"]]

    async def storage(self) -> None:
        fields = "node,type,name,size,used,free,allocatable"
        path = f"/2/nodes/node3/storage?storage_type=file&output_fields={fields}"
        ((node, kind, _, size, used, free, allocatable),) = await self.done("GET", path)
        self.assertEqual((node, kind, allocatable), ("node3", "file", True))
        room = os.statvfs(self.directory)
        self.assertEqual(size, used + free)
        self.assertEqual(size, room.f_blocks * room.f_frsize >> 20)
        self.assertLess(abs(free - (room.f_bavail * room.f_frsize >> 20)), 1024)
        path = f"/2/nodes/node3/storage?storage_type=lvm-vg&output_fields={fields}"
        self.assertEqual(await self.done("GET", path), [])
        words = await self.refused("GET", "/2/nodes/node3/storage?output_fields=odd")
        self.assertIn("Unknown output fields selected: odd", words)
        unit = "storage_type=file&name=file"
        words = await self.refused("PUT", f"/2/nodes/node3/storage/modify?{unit}&allocatable=0")
        self.assertIn("'file' can not be modified", words)
        words = await self.refused("PUT", f"/2/nodes/node3/storage/repair?{unit}")
        self.assertIn("'file' can not be repaired", words)

    async def done(self, method: str, path: str, given: Any = None) -> Any:
        """The result of a job that has to succeed."""
        job = await self.api.job(method, path, given)
        self.assertEqual(job["status"], "success", job)
        return job["opresult"][0]

    async def refused(self, method: str, path: str, given: Any = None) -> str:
        """What a job that has to fail says."""
        job = await self.api.job(method, path, given)
        self.assertEqual(job["status"], "error", job)
        return str(job["opresult"][0][1][0])

    async def jobs(self, method: str, path: str, given: Any) -> dict[int, str]:
        """How the jobs ended that a job made."""
        made = (await self.done(method, path, given) or {}).get("jobs", [])
        return {job: (await self.api.ended(job))["status"] for _, job in made}

    async def places(self) -> dict[str, str]:
        _, shown = await self.api.call("GET", "/2/instances?bulk=1")
        return {each["name"]: each["pnode"] for each in shown}
