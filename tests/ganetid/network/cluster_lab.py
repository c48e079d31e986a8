"""A whole ganetid whose node has real bridges and taps in a namespace, and guests on its taps."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from ganetid.network.choice import missing_for_taps
from ganetid.network.names import tap_name
from ganetid.network.namespace import NAMESPACES, within
from ganetid.network.ports import PortPlan
from ganetid.node.programs import run
from ganetid.settings import GanetiSettings
from tests.ganetid.cluster import Client, ClusterTestCase, create_body
from tests.ganetid.network.lab import FakeGuest, Wire, open_tap, passes, udp_socket

CLUSTER = "wiring"
_numbers = iter(range(1, 1_000_000))


class WiredTestCase(ClusterTestCase):
    """`self.node` is the namespace; hypervisor fake, for a guest is a namespace with a cable."""

    timeout = 120

    def setUp(self) -> None:
        missing = missing_for_taps() or (None if shutil.which("nft") else "there is no nft")
        if missing is not None:
            raise SkipTest(f"taps can't be made: {missing}")
        super().setUp()
        self.base = f"t-h{os.getpid()}-{next(_numbers)}"
        self.node = f"{self.base}n"
        self.addCleanup(self.remove_namespaces)
        self.addCleanup(self.stop_services)

    def remove_namespaces(self) -> None:
        for path in list(NAMESPACES.glob(f"{self.base}*")):
            subprocess.run(["ip", "netns", "del", path.name], check=True)

    def settings(self, **changes: Any) -> GanetiSettings:
        wired = {"network_mode": "tap", "network_namespace": self.node, "cluster_name": CLUSTER}
        return super().settings(**{**wired, **changes})

    async def done(self, client: Client, *request: Any) -> Any:
        """What the job tells that the request makes."""
        job = await client.job(*request)
        self.assertEqual(job["status"], "success", job["opresult"])
        return job["opresult"][0]

    async def refused(self, client: Client, *request: Any) -> str:
        """What is wrong: said at once, or by the job."""
        status, answer = await client.call(*request)
        if status == 200:
            answer = await client.ended(answer)
            self.assertEqual(answer["status"], "error", answer)
            return str(answer["opresult"][0])
        self.assertEqual(status, 400, answer)
        return str(answer["message"])

    async def network(self, client: Client, name: str, link: str, **facts: Any) -> None:
        """Add a network and connect it."""
        options = facts.pop("options", None)
        place = {"group_name": "default", "network_mode": facts.pop("mode", "bridged"),
                 "network_link": link, "network_vlan": facts.pop("vlan", "")}  # fmt: skip
        await self.done(client, "POST", "/2/networks", {"network_name": name, **facts})
        if options is not None:
            await self.done(client, "PUT", f"/2/networks/{name}/options", {"options": options})
        await self.done(client, "PUT", f"/2/networks/{name}/connect", place)

    async def instance(self, client: Client, name: str, *nics: Any, **more: Any) -> FakeGuest:
        """Create an instance; its first NIC is eth0 of a namespace."""
        body = create_body(name, nics=list(nics), disk_template="diskless", disks=[],
                           osparams_private={}, **more)  # fmt: skip
        await self.done(client, "POST", "/2/instances", body)
        return await self.inside(client, name)

    async def inside(self, client: Client, name: str) -> FakeGuest:
        _, (nic, *_) = await client.call("GET", f"/2/instances/{name}/nics")
        namespace = f"{self.base}g{next(_numbers)}"
        await run(reactor, ["ip", "netns", "add", namespace])
        tap = tap_name(CLUSTER, nic["uuid"])
        outer = await within(reactor, self.node, lambda: open_tap(tap))
        wire = Wire(outer, await within(reactor, namespace, lambda: open_tap("eth0")))
        self.addCleanup(wire.cut)
        ips = tuple(each for each in (nic["ip"], *nic["port"]["ips"]) if each)
        guest = FakeGuest(namespace, PortPlan(nic["uuid"], nic["mac"], ips), wire)
        lines = ["link set lo up", f"link set eth0 address {nic['mac']} up"]
        lines += [f"address add {ip}/{64 if ':' in ip else 24} dev eth0 nodad" if ":" in ip
                  else f"address add {ip}/24 dev eth0" for ip in ips]  # fmt: skip
        await guest.ip(*lines)
        return guest

    async def socket(self, machine: FakeGuest, port: int = 9999) -> Any:
        made = await machine.inside(lambda: udp_socket(port))
        self.addCleanup(made.close)
        return made

    async def seen_as(self, sender: Any, receiver: Any, to: str, tries: int = 8) -> str | None:
        """The sender's address as the receiver sees it; None: nothing arrives."""
        for _ in range(tries):
            seen = await deferToThread(passes, sender, receiver, to)
            if seen is not None:
                break
        return seen

    async def until(self, what: Any) -> None:
        """Wait until the coroutine function says true."""
        for _ in range(40):
            if await what():
                return
            await deferLater(reactor, 0.1)
        raise AssertionError("it never came so far")

    def run_test(self, test: Any) -> Deferred[None]:
        async def run() -> None:
            await test(await self.start())

        return Deferred.fromCoroutine(run())
