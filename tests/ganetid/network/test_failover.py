"""Routers and security groups in a cluster of several nodes."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from ganetid.network.choice import missing_for_taps
from ganetid.network.namespace import NAMESPACES
from ganetid.settings import GanetiSettings
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase


class SeveralNodesTests(ManyTestCase):
    """Each node has a network namespace of its own."""

    timeout = 120

    def setUp(self) -> None:
        missing = missing_for_taps() or (None if shutil.which("nft") else "there is no nft")
        if missing is not None:
            raise SkipTest(f"taps can't be made: {missing}")
        super().setUp()
        self.base = f"t-f{os.getpid()}"
        self.addCleanup(self.remove_namespaces)
        self.addCleanup(self.stop_all)

    def remove_namespaces(self) -> None:
        for path in list(NAMESPACES.glob(f"{self.base}*")):
            subprocess.run(["ip", "netns", "del", path.name], check=True)

    def settings(self, name: str, **changes: Any) -> GanetiSettings:
        wired = {"network_mode": "tap", "network_namespace": f"{self.base}{name}"}
        return super().settings(name, **{**wired, **changes})

    def routers_at(self, name: str) -> int:
        return len(list(NAMESPACES.glob(f"{self.base}{name}-r*")))

    async def done(self, client: Client, *request: Any) -> Any:
        job = await client.job(*request)
        self.assertEqual(job["status"], "success", job["opresult"])
        return job["opresult"][0]

    async def until(self, what: Any) -> None:
        for _ in range(200):
            if what():
                return
            await deferLater(reactor, 0.1)
        raise AssertionError("it never came so far")

    def test_a_node_away(self) -> Deferred[None]:
        """Its routers go to another; when it comes back it has them no more, and knows members."""

        async def check() -> None:
            client = await self.three()
            network = {"network_name": "a", "network": "10.1.0.0/24"}
            await self.done(client, "POST", "/2/networks", network)
            place = {"group_name": "default", "network_mode": "bridged", "network_link": "vxlan:7"}
            await self.done(client, "PUT", "/2/networks/a/connect", place)
            wish = {"name": "r", "interfaces": [{"network": "a", "ips": ["10.1.0.5"]}]}
            node = await self.done(client, "POST", "/2/routers", {**wish, "node_name": "node2"})
            self.assertEqual((node, self.routers_at("node2")), ("node2", 1))
            await self.stop("node2")
            await self.check_failover()
            await self.done(client, "POST", "/2/security-groups", {"name": "g", "rules": []})
            nic = {"network": "a", "ip": "pool", "port": {"security_groups": ["g"]}}
            body = create_body("one", nics=[nic], disk_template="diskless", disks=[],
                               osparams_private={}, pnode="node3")  # fmt: skip
            await self.done(client, "POST", "/2/instances", body)
            await self.until(lambda: self.knows("node1") and self.knows("node3"))
            self.assertFalse(self.knows("node2"))
            await self.start("node2")
            await self.until(lambda: self.routers_at("node2") == 0 and self.knows("node2"))
            self.assertEqual(self.routers_at("node1") + self.routers_at("node3"), 1)
            moved = {"target_node": "node2"}
            self.assertEqual(await self.done(client, "PUT", "/2/routers/r/migrate", moved), "node2")
            places = [self.routers_at(f"node{number}") for number in (1, 2, 3)]
            self.assertEqual(places, [0, 1, 0])
            await self.done(client, "DELETE", "/2/instances/one")
            await self.until(lambda: not any(self.knows(f"node{n}") for n in (1, 2, 3)))

        return Deferred.fromCoroutine(check())

    async def check_failover(self) -> None:
        master = self.machines["node1"].master
        assert master is not None and master.router_keeper is not None
        master.router_keeper.patience_s = 0.5
        await self.until(lambda: self.routers_at("node1") + self.routers_at("node3") == 1)
        await self.until(lambda: master.cluster.routers["r"].node != "node2")

    def knows(self, node: str) -> bool:
        """Whether a node knows who is in the group."""
        folder = self.directory / node / "network" / "groups"
        known = b'"addresses":["10.1.0.1"]'
        return any(known in path.read_bytes() for path in folder.glob("g_*.json"))
