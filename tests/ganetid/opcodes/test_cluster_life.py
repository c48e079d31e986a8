"""
The cluster gets another name, and comes to its end.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.ganetid.cluster import Client, ClusterTestCase, create_body


class ClusterLifeTests(ClusterTestCase):
    """What a client sees."""

    async def refused(self, client: Client, words: str, path: str, body: Any = None) -> None:
        job = await client.job("PUT", path, body)
        self.assertEqual(job["status"], "error", job)
        self.assertIn(words, job["opresult"][0][1][0])

    def test_another_name(self) -> Deferred[None]:
        """The cluster is called so from now on, in news and after a restart too."""

        async def check() -> None:
            client = await self.start()
            await self.refused(client, "has changed", "/2/rename", {"name": "cluster"})
            await self.refused(client, "Invalid cluster name", "/2/rename", {"name": "a b"})
            job = await client.job("PUT", "/2/rename", {"name": "cloud.example.org"})
            self.assertEqual(job["opresult"], ["cloud.example.org"])
            self.assertEqual(job["summary"], ["CLUSTER_RENAME(cloud.example.org)"])
            await client.job("POST", "/2/instances", create_body("snf-1", start=False))
            await self.heard(3)
            self.assertEqual(self.listener.heard[-1][1]["cluster"], "cloud.example.org")
            client = await self.restart()
            _, told = await client.call("GET", "/2/info")
            self.assertEqual(told["name"], "cloud.example.org")

        return Deferred.fromCoroutine(check())

    def test_end(self) -> Deferred[None]:
        """Only an empty cluster can be destroyed; it takes no jobs, and nobody takes it up."""

        async def check() -> None:
            hooks = self.directory / "hooks" / "cluster-destroy-post.d"
            hooks.mkdir(parents=True)
            (hooks / "told").write_text(f"#!/bin/sh\ntouch {self.directory}/destroyed\n")
            (hooks / "told").chmod(0o755)
            client = await self.start(hooks_dir=str(hooks.parent))
            await client.job("POST", "/2/instances", create_body("snf-1", start=False))
            await self.refused(client, "There are still 1 instance(s)", "/2/destroy")
            await client.job("DELETE", "/2/instances/snf-1")
            _, node = await client.call("GET", "/2/nodes/node1")
            job = await client.job("PUT", "/2/destroy")
            self.assertEqual(job["opresult"], [node["uuid"]])
            self.assertTrue((self.directory / "destroyed").exists())
            status, told = await client.call("PUT", "/2/tags?tag=a")
            self.assertEqual((status, told["message"]), (503, "Job queue is drained, refusing job"))
            with self.assertRaisesRegex(OSError, "was destroyed"):
                await self.restart()
            await deferLater(reactor, 0)  # the error is logged after it was told
            self.flushLoggedErrors(OSError)

        return Deferred.fromCoroutine(check())
