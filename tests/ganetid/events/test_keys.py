"""
Messages to the event bus have just the keys that Synnefo's snf-ganeti-eventd gives them, where
strict_compat is set.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import NAME, NETWORK, Client, ClusterTestCase, create_body

COMMON = {"event_time", "operation", "status", "cluster", "logmsg", "result", "jobId", "type"}
INSTANCE = COMMON | {"instance", "tags"}
HARDWARE = {"instance_nics", "instance_disks", "instance_hvparams"}
NIC = {"name", "network", "ip", "mac", "mode", "link", "uuid", "firewall"}
BEAT = "snf:eventd:heartbeat:host:17"


class KeyTests(ClusterTestCase):
    """Source: Synnefo 0.21, snf-cyclades-gtools, eventd.py."""

    def test_keys(self) -> Deferred[None]:
        """Of all messages of jobs on instances, networks and the cluster, in each status."""

        async def check() -> None:
            client = await self.start(strict_compat=True)
            await self.connect_network(client)
            await self.networks()
            await self.instances(client)
            found = await self.told(client, "PUT", "/2/modify", {"candidate_pool_size": 9})
            self.check(found, "ganeti.event.cluster", "ganeti-cluster-status", COMMON)

        return Deferred.fromCoroutine(check())

    def test_heartbeat(self) -> Deferred[None]:
        """A dry run of a cluster tag is told once, while it waits; other tags are not told."""

        async def check() -> None:
            client = await self.start(strict_compat=True)
            for query in (f"tag={BEAT}", "tag=other&dry-run=1", "tag=other"):
                await client.job("PUT", f"/2/tags?{query}")
            self.assertEqual(self.listener.heard, [])
            found = await self.told(client, "PUT", f"/2/tags?tag={BEAT}&dry-run=1", None, 1)
            self.check(found, "eventd.heartbeat", "eventd-heartbeat", COMMON)
            self.assertEqual(found[0][1]["status"], "waiting")
            await self.told(client, "PUT", "/2/modify", {"candidate_pool_size": 9})
            _, tags = await client.call("GET", "/2/tags")
            self.assertEqual(tags, ["other", BEAT])  # the heartbeat itself sets none

        return Deferred.fromCoroutine(check())

    async def networks(self) -> None:
        """Those of the network that was made and connected."""
        await self.heard(8)
        found, self.listener.heard = self.listener.heard, []
        keys = COMMON | {"network", "job_fields"}
        self.check(found, "ganeti.snf.event.network", "ganeti-network-status", keys)
        fields = {"subnet", "gateway", "add_reserved_ips", "remove_reserved_ips", "group_name"}
        for _, body in found:
            self.assertEqual(set(body["job_fields"]), fields)

    async def instances(self, client: Client) -> None:
        given = create_body(nics=[{"name": "n", "network": NETWORK, "ip": "pool"}])
        with_fields = {"job_fields"}
        found = await self.told(client, "POST", "/2/instances", given)
        self.of_instance(found, with_fields, with_fields | HARDWARE)
        self.assertEqual(set(found[0][1]["job_fields"]), {"nics", "disks", "hvparams", "beparams"})
        self.assertEqual([set(nic) for nic in found[-1][1]["instance_nics"]], [NIC])
        self.assertEqual(set(found[-1][1]["instance_disks"][0]), {"name", "size", "uuid"})
        boot = {"boot_order", "cdrom_image_path"}
        self.assertEqual(set(found[-1][1]["instance_hvparams"]), boot)
        path = f"/2/instances/{NAME}"
        found = await self.told(client, "PUT", f"{path}/modify", {"beparams": {"vcpus": 2}})
        self.of_instance(found, with_fields, with_fields | HARDWARE)
        found = await self.told(client, "PUT", f"{path}/shutdown", {})
        self.of_instance(found, set(), set())
        found = await self.told(client, "PUT", f"{path}/startup", None)
        self.of_instance(found, set(), HARDWARE)
        found = await self.told(client, "PUT", f"{path}/tags?tag=x", None, 1)
        self.of_instance(found, with_fields, with_fields)
        self.assertEqual(found[0][1]["job_fields"], {"dry_run": False})
        found = await self.told(client, "POST", "/2/instances", given, 4)  # it exists
        self.of_instance(found, with_fields, with_fields)
        again = {key: value for key, value in found[-1][1]["job_fields"].items() if key in given}
        self.assertEqual(again["instance_name"], NAME)

    def of_instance(self, found: Any, before: set[str], last: set[str]) -> None:
        """The keys beside those of every message on an instance; `last` has other ones."""
        form = ("ganeti.snf.event.op", "ganeti-op-status")
        self.check(found[:-1], *form, INSTANCE | before)
        self.check(found[-1:], *form, INSTANCE | last)

    def check(self, found: Any, routing_key: str, kind: str, keys: set[str]) -> None:
        for key, body in found:
            self.assertEqual((key, body["type"], set(body)), (routing_key, kind, keys))

    async def told(
        self, client: Client, method: str, path: str, given: Any, count: int = 4
    ) -> list[tuple[str, dict[str, Any]]]:
        """What a job makes the bus hear: so many messages."""
        job = await client.submit(method, path, given)
        await client.ended(job)
        await self.heard(count)
        found, self.listener.heard = self.listener.heard, []
        self.assertEqual({body["jobId"] for _, body in found}, {job})
        return found
