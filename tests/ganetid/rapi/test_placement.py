"""
Where something would go, how much more fits, and what should move.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import Client, ClusterTestCase, create_body


class PlacementTests(ClusterTestCase):
    """The real remote API, on one node."""

    def run_test(self, test: Any) -> Deferred[None]:
        async def run() -> None:
            await test(await self.start())

        return Deferred.fromCoroutine(run())

    def test_questions(self) -> Deferred[None]:
        """Answers come at once, and make nothing."""

        async def check(client: Client) -> None:
            status, answer = await client.call("POST", "/2/placement", create_body())
            self.assertEqual((status, answer["node"]), (200, "node1"))
            for wrong in ({"group_name": "absent"}, {"beparams": {"memory": "x"}}, {"disks": 3}):
                status, answer = await client.call("POST", "/2/placement", create_body(**wrong))
                self.assertEqual((status, set(answer)), (400, {"code", "message", "explain"}))
            status, answer = await client.call("GET", "/2/capacity?memory=256&vcpus=1&disk=64")
            self.assertEqual((status, answer["memory"]), (200, 256))
            self.assertEqual(answer["by_node"], {"node1": answer["count"]})
            status, answer = await client.call("GET", "/2/balance")
            self.assertEqual((status, answer["moves"]), (200, []))
            self.assertEqual(await client.call("GET", "/2/jobs"), (200, []))

        return self.run_test(check)

    def test_evacuation(self) -> Deferred[None]:
        """Where a node's instances would go: nowhere, on a cluster of one node."""

        async def check(client: Client) -> None:
            await client.job("POST", "/2/instances", create_body())
            status, answer = await client.call("GET", "/2/nodes/node1/evacuation")
            self.assertEqual((status, answer["places"]), (200, {}))
            self.assertEqual(len(answer["failed"]), 1)
            self.assertEqual((await client.call("GET", "/2/nodes/absent/evacuation"))[0], 404)

        return self.run_test(check)
