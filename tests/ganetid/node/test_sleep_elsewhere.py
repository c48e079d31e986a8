"""Guests of other nodes are paused and put to sleep; their memory is on one node alone."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase


class SleepElsewhereTests(ManyTestCase):
    """Two nodes, by real node RPC."""

    async def job(self, client: Client, method: str, word: str, body: Any = None) -> Any:
        return await client.job(method, f"/2/instances/one/{word}", body)

    async def done(self, client: Client, method: str, word: str, body: Any = None) -> None:
        job = await self.job(client, method, word, body)
        self.assertEqual(job["status"], "success", job)

    def test_moved_asleep(self) -> Deferred[None]:
        """It goes on where its memory is, and nowhere else; not after it ran without that."""

        async def check() -> None:
            await self.start("node1")
            await self.join("node1", "node2")
            client = self.client("node1")
            job = await client.job("POST", "/2/instances", create_body("one", pnode="node2"))
            self.assertEqual(job["status"], "success", job)
            await self.done(client, "PUT", "pause")
            _, shown = await client.call("GET", "/2/instances/one/statistics")
            self.assertEqual((shown["state"], shown["memory_mib"]), ("paused", 128))
            for word in ("unpause", "suspend", "resume", "suspend"):
                await self.done(client, "PUT", word)
            self.assertEqual(self.worlds, {"node1": {}, "node2": {}})
            memory = self.directory / "node2" / "instances" / "one" / "memory"
            kept = memory.read_bytes()
            await self.done(client, "PUT", "failover", {"target_node": "node1"})
            job = await self.job(client, "PUT", "resume")
            self.assertIn("is not suspended", str(job["opresult"]))
            memory.parent.mkdir(exist_ok=True)
            memory.write_bytes(kept)  # as if node2 had been away
            await self.done(client, "PUT", "startup")
            await self.done(client, "PUT", "shutdown", {"timeout": 1})
            await self.done(client, "PUT", "failover", {"target_node": "node2"})
            job = await self.job(client, "PUT", "resume")
            self.assertIn("is not suspended", str(job["opresult"]))

        return Deferred.fromCoroutine(check())
