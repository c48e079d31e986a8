"""Networks over several nodes: two nodes in namespaces of their own, joined by a cable."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from ganetid.network.host import Host
from ganetid.network.ports import NetworkPlan, PortPlan, SecurityRule, Vxlan
from ganetid.network.tap import TapNetwork, TapSettings
from tests.ganetid.network.lab import (
    CLUSTER,
    PATIENCE_S,
    FakeGuest,
    NetworkTestCase,
    passes,
    run_test,
    udp_socket,
)

ADDRESSES = ("192.0.2.1", "192.0.2.2")
SUBNET = "10.7.0.0/24"


def waiting(receiver: socket.socket) -> set[bytes]:
    """All that a socket has got and nobody has read."""
    got = set()
    receiver.settimeout(0)
    try:
        while True:
            got.add(receiver.recv(100))
    except BlockingIOError:
        receiver.settimeout(PATIENCE_S)
        return got


class TwoNodesTests(NetworkTestCase):
    """Guests of one network on two nodes, beside those of another with the same addresses."""

    async def two_nodes(self, wire: str = "address") -> list[TapNetwork]:
        """Both begun; each has an interface up0 to the other."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        other = self.make_network(self.new_namespace(), directory)
        nodes = [self.network, other]
        for node in nodes:
            await node.begin(frozenset())
        await self.ip(f"link add up0 type veth peer name up0 netns {other.namespace}")
        for node, address in zip(nodes, ADDRESSES, strict=True):
            lines = ["link set dev up0 up"]
            lines += [f"address add {address}/24 dev up0"] if wire == "address" else []
            await self.ip(*lines, namespace=node.namespace)
        return nodes

    async def guests(
        self, nodes: list[TapNetwork], network: str, prefix: str, **more: Any
    ) -> list[FakeGuest]:
        """One on each node: 10.7.0.1 and 10.7.0.2."""
        return [
            await self.guest(
                PortPlan(f"{network}-{index}", f"{prefix}:00:00:0{index}", (f"10.7.0.{index}",),
                         network, host_name=f"{network}-{index}", **more), node=node,
            )
            for index, node in enumerate(nodes, start=1)
        ]  # fmt: skip

    async def socket(self, machine: FakeGuest, port: int = 9999) -> Any:
        made = await machine.inside(lambda: udp_socket(port))
        self.addCleanup(made.close)
        return made

    async def reaches(self, sender: Any, receiver: Any, to: str, port: int = 9999) -> bool:
        for _ in range(3):
            if await deferToThread(passes, sender, receiver, to, port) is not None:
                return True
        return False

    async def broadcast(self, sender: Any, receivers: list[Any], port: int = 9999) -> list[bool]:
        """Who of them gets what is sent to everybody."""
        word = os.urandom(8)
        await deferToThread(sender.sendto, word, ("10.7.0.255", port))
        await deferLater(reactor, 0.3)
        return [word in waiting(receiver) for receiver in receivers]

    async def check_apart(self, first: list[FakeGuest], second: list[FakeGuest]) -> None:
        """Each network's guests reach each other on both nodes, and nobody else."""
        a1, a2 = [await self.socket(each) for each in first]
        b1, b2 = [await self.socket(each) for each in second]
        self.assertTrue(await self.reaches(a1, a2, "10.7.0.2"))
        self.assertTrue(await self.reaches(b2, b1, "10.7.0.1"))
        self.assertEqual(await self.broadcast(a1, [a2, b1, b2]), [True, False, False])
        self.assertEqual(await self.broadcast(b2, [b1, a1, a2]), [True, False, False])

    def test_vxlan(self) -> Deferred[None]:
        """Two overlays carry two networks with equal addresses between the nodes."""

        async def check() -> None:
            nodes = await self.two_nodes()
            for number, name in ((71, "first"), (72, "second")):
                for node, peer in zip(nodes, reversed(ADDRESSES), strict=True):
                    overlay = Vxlan(number, (peer,))
                    await node.connect(
                        NetworkPlan(name, f"vxlan:{number}", subnet=SUBNET, vxlan=overlay)
                    )
            rules = (SecurityRule("in", protocol="udp", port_min=9999), SecurityRule("out"))
            first = await self.guests(nodes, "first", "fa:16:3e", rules=rules)
            second = await self.guests(nodes, "second", "fa:16:3f")
            await self.check_apart(first, second)
            for node in nodes:
                alone = NetworkPlan("second", "vxlan:72", subnet=SUBNET, vxlan=Vxlan(72))
                await node.connect(alone)
            b1, b2 = [await self.socket(each, 9998) for each in second]
            self.assertEqual(await self.broadcast(b1, [b2], 9998), [False])

        return run_test(check)

    def test_mac_filtered(self) -> Deferred[None]:
        """On one bridge with one uplink networks are told apart by their MAC addresses."""

        async def check() -> None:
            nodes = await self.two_nodes("cable")
            for name, prefix in (("first", "aa:00:01"), ("second", "aa:00:02")):
                for node in nodes:
                    await node.connect(
                        NetworkPlan(name, "prv0", subnet=SUBNET, mac_prefix=prefix,
                                    mac_filtered=True, uplink="up0")
                    )  # fmt: skip
            first = await self.guests(nodes, "first", "aa:00:01")
            second = await self.guests(nodes, "second", "aa:00:02")
            await self.check_apart(first, second)

        return run_test(check)

    def test_uplinks(self) -> Deferred[None]:
        """PHYSICAL_VLAN: each network's bridge has an uplink of its own."""

        async def check() -> None:
            nodes = await self.two_nodes("cable")
            await self.ip(f"link add up1 type veth peer name up1 netns {nodes[1].namespace}")
            for number, name in enumerate(("first", "second")):
                for node in nodes:
                    await self.ip(f"link set dev up{number} up", namespace=node.namespace)
                    await node.connect(
                        NetworkPlan(name, f"prv{number}", subnet=SUBNET, uplink=f"up{number}")
                    )
            first = await self.guests(nodes, "first", "fa:16:3e")
            second = await self.guests(nodes, "second", "fa:16:3f")
            await self.check_apart(first, second)
            moved = evolve(first[0].port, host_name="moved")
            await nodes[0].unplug("first-1")
            there = await self.guest(moved, node=nodes[1])
            near, far = await self.socket(there, 9998), await self.socket(first[1], 9998)
            self.assertTrue(await self.reaches(near, far, "10.7.0.2", 9998))

        return run_test(check)


class OutsideTests(NetworkTestCase):
    """A node in a namespace, and the machine around it: here a namespace too."""

    def test_uplink_of_the_machine(self) -> Deferred[None]:
        """A bridge of the machine is the uplink of a bridge in the namespace, by a cable."""

        async def check() -> None:
            bridge = f"tbr{os.getpid() % 100000}"
            host = Host(reactor, None)
            await host.ip([f"link add {bridge} type bridge", f"link set dev {bridge} up"])
            self.addCleanup(lambda: Deferred.fromCoroutine(host.ip([f"link del {bridge}"])))
            network = NetworkPlan("net", "gtbr1", subnet=SUBNET, uplink=bridge)
            await self.begin(network)
            outer = [each for each in (await host.links()).values() if each.master == bridge]
            self.assertEqual(len(outer), 1)
            self.assertEqual((await Host(reactor, self.node).links())[bridge].master, "gtbr1")
            await self.restart()
            after = [each for each in (await host.links()).values() if each.master == bridge]
            self.assertEqual([each.name for each in after], [each.name for each in outer])

        return run_test(check)

    def test_way_out(self) -> Deferred[None]:
        """With a way out the machine answers what guests in the namespace ask."""

        async def check() -> None:
            settings = TapSettings(self.node, outside="100.127.255.252/30")
            self.network = TapNetwork(reactor, CLUSTER, settings, self.directory)
            self.addCleanup(self.remove_table)
            forwarding = Path("/proc/sys/net/ipv4/ip_forward")
            self.addCleanup(forwarding.write_text, forwarding.read_text())
            self.addCleanup(lambda: Deferred.fromCoroutine(self.network.close()))
            plan = NetworkPlan("net", "gtbr1", subnet=SUBNET, gateway="10.7.0.1")
            for _ in range(2):
                await self.begin(plan)
                await self.network.close()
            links = await Host(reactor, None).links()
            addresses = [address for link in links.values() for address in link.addresses]
            self.assertEqual(addresses.count("100.127.255.253/30"), 1)
            port = PortPlan("uuid", "fa:16:3e:00:00:09", ("10.7.0.9",), "net")
            await self.network.begin(frozenset())
            guest = await self.guest(port, gateway="10.7.0.1")
            said = await guest.says("busybox", "ping", "-c1", "-W2", "100.127.255.253")
            self.assertIn("1 packets received", said)

        return run_test(check)

    def remove_table(self) -> None:
        listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout
        for line in listed.splitlines():
            if "test_cluster" in line and "outside" in line:
                subprocess.run(["nft", "delete", *line.split()], check=True)
