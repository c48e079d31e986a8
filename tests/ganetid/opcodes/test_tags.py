"""
Tags of everything that can have some, and their limits.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import NETWORK, Client, ClusterTestCase, create_body

PATHS = (
    "/2/tags",
    "/2/instances/snf-1/tags",
    "/2/networks/snf-net-1/tags",
    "/2/nodes/node1/tags",
    "/2/groups/default/tags",
)
LONGEST = "x" * 128
BAD = (
    (["x" * 129], "Tag too long (>128 characters)"),
    ([""], "Tags cannot be empty"),
    (["a b"], "Tag contains invalid characters"),
    (["é"], "Tag contains invalid characters"),
    (["good", "a\nb"], "Tag contains invalid characters"),
)


class TagTests(ClusterTestCase):
    """A cluster with one of each kind of object."""

    async def furnished(self) -> Client:
        client = await self.start()
        await self.connect_network(client)
        await client.job("POST", "/2/instances", create_body("snf-1", tags=[], start=False))
        self.assertEqual(PATHS[2], f"/2/networks/{NETWORK}/tags")
        return client

    async def error(self, client: Client, method: str, path: str, tags: list[str]) -> Any:
        job = await client.job(method, path, tags)
        self.assertEqual(job["status"], "error", (path, tags))
        return job["opresult"][0]

    def test_every_kind(self) -> Deferred[None]:
        """Set, told, and taken away; a tag that is too long or strange is refused with the rest."""

        async def check() -> None:
            client = await self.furnished()
            for path in PATHS:
                tags = sorted(["a", "b+c.d*e/f:g@h-i_j", LONGEST])
                await client.job("PUT", path, tags)
                self.assertEqual(await client.call("GET", path), (200, tags))
                for wrong, words in BAD:
                    self.assertEqual(
                        await self.error(client, "PUT", path, wrong), ["TagError", [words]]
                    )
                self.assertEqual(
                    await self.error(client, "DELETE", f"{path}?tag=a&tag=z&tag=y", []),
                    ["OpPrereqError", ["Tag(s) 'y', 'z' not found", "unknown_entity"]],
                )
                self.assertEqual(await client.call("GET", path), (200, tags))
                await client.job("DELETE", f"{path}?tag=a&tag={LONGEST}")
                self.assertEqual(await client.call("GET", path), (200, ["b+c.d*e/f:g@h-i_j"]))

        return Deferred.fromCoroutine(check())

    def test_too_many(self) -> Deferred[None]:
        """An object has 4096 tags at most; those that it has already don't count again."""

        async def check() -> None:
            client = await self.furnished()
            path, most = PATHS[1], [f"t{number}" for number in range(4096)]
            await client.job("PUT", path, most)
            self.assertEqual(
                await self.error(client, "PUT", path, ["one-more"]),
                ["OpExecError", ["Error while setting tag: Too many tags"]],
            )
            job = await client.job("PUT", path, most[:3])
            self.assertEqual(job["status"], "success", job["opresult"])
            self.assertEqual((await client.call("GET", path))[1], sorted(most))

        return Deferred.fromCoroutine(check())
