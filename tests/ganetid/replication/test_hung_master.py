"""A master that hangs, its connections still open, is followed by another one."""

from __future__ import annotations

import os
import signal

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import create_body
from tests.ganetid.node.machines import MachinesTestCase


class HungMasterTests(MachinesTestCase):
    """Daemons that are processes of their own; guests are played."""

    hypervisor = "fake"

    def test_stopped(self) -> Deferred[None]:
        """
        While its process is stopped a candidate takes over; it goes on as a node, and what it
        acknowledged is there.
        """

        async def check() -> None:
            client = await self.make_cluster()
            one, two, _ = self.machines
            body = create_body("a", disk_template="diskless", disks=[], pnode="node3")
            del body["osparams_private"]
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job)
            await self.in_sync(one)
            assert one.daemon is not None
            pid = one.daemon.transport.pid  # type: ignore[union-attr]
            os.kill(pid, signal.SIGSTOP)
            await two.admin("master-failover")
            await self.up(two)
            status, shown = await two.client.call("GET", "/2/instances/a")
            self.assertEqual((status, shown["pnode"]), (200, "node3"))
            os.kill(pid, signal.SIGCONT)

            async def follows() -> bool:
                _, shown = await two.client.call("GET", "/2/nodes/node1")
                return bool(shown["role"] == "C")

            await self.until(follows, "the former master is a node", 30.0)
            job = await two.client.job("POST", "/2/instances/a/reboot?type=hard")
            self.assertEqual(job["status"], "success", job)

        return Deferred.fromCoroutine(check())
