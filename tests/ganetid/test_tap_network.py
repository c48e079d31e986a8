"""
Bridges, taps, DHCP, masquerading and guards of the real kernel, in namespaces of their own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface.verify import verifyObject

from ganetid.hypervisor.interface import TapNic
from ganetid.network.choice import missing_for_taps, resolvers
from ganetid.network.interface import INodeNetwork
from ganetid.network.namespace import within
from ganetid.network.plan import tap_name
from ganetid.network.ports import NetworkPlan, PortPlan
from ganetid.network.tap import TapNetwork, TapSettings
from ganetid.network.user import UserNetwork
from ganetid.node.programs import run
from ganetid.opcodes.errors import OpExecError

MAC = "fa:16:3e:00:00:01"
GATEWAY, ADDRESS = "10.7.0.1", "10.7.0.9"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000


PORT = PortPlan("uuid-of-n1", MAC, (ADDRESS,), "snf-net-1", link="gtbr1", host_name="snf-1")
TAP = tap_name("test-cluster", PORT.uuid)


def network(name: str = "snf-net-1", link: str = "gtbr1", third: int = 7) -> NetworkPlan:
    return NetworkPlan(name=name, link=link, subnet=f"10.{third}.0.0/24", gateway=f"10.{third}.0.1")


def arp(mac: str, address: str) -> bytes:
    """An Ethernet frame: who has the gateway's address, tell `address`."""
    sender = bytes.fromhex(mac.replace(":", ""))
    return (
        b"\xff" * 6 + sender + b"\x08\x06\0\1\x08\0\6\4\0\1"
        + sender + socket.inet_aton(address) + b"\0" * 6 + socket.inet_aton(GATEWAY)
    )  # fmt: skip


def open_tap(name: str) -> int:
    """A file descriptor on a tap, as QEMU has it."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return handle


class TapNetworkTests(TestCase):
    """TapNetwork on this kernel."""

    timeout = 60

    def setUp(self) -> None:
        missing = missing_for_taps()
        if missing is not None:
            raise SkipTest(f"taps can't be made: {missing}")
        if shutil.which("nft") is None:
            raise SkipTest("there is no nft")
        self.namespaces = [f"gt{os.getpid()}{kind}" for kind in ("node", "guest", "outside")]
        self.node, self.guest, self.outside = self.namespaces
        self.addCleanup(self.remove_namespaces)
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.network = self.make_network()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.network.close()))

    def make_network(self) -> TapNetwork:
        settings = TapSettings(self.node, dns=("192.0.2.53",), lease_s=600)
        return TapNetwork(reactor, "test-cluster", settings, self.directory)

    async def begin(self) -> None:
        await self.network.begin(frozenset())
        await self.network.connect(network())

    async def plug(self) -> tuple[Any, ...]:
        return await self.network.plug("snf-1", (PORT,), {})

    def remove_namespaces(self) -> None:
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    async def ip(self, *lines: str, namespace: str | None = None) -> None:
        where = ["-netns", namespace] if namespace else []
        await run(reactor, ["ip", *where, "-batch", "-"], "\n".join(lines) + "\n")

    async def links(self) -> dict[str, Any]:
        return await self.network._links()

    async def add_guest(self) -> None:
        """A namespace with the NIC's MAC address, on the bridge."""
        await self.ip(
            f"netns add {self.guest}",
            f"link add c0 address {MAC} netns {self.guest} type veth"
            f" peer name p0 netns {self.node}",
        )
        await self.ip("link set dev p0 master gtbr1 up", namespace=self.node)
        await self.ip("link set dev lo up", "link set dev c0 up", namespace=self.guest)

    def run_test(self, test: Callable[[], Any]) -> Deferred[None]:
        return Deferred.fromCoroutine(test())

    def test_interfaces(self) -> None:
        """Both kinds of networking have what INodeNetwork says."""
        verifyObject(INodeNetwork, self.network)
        verifyObject(INodeNetwork, UserNetwork())

    def test_begin_twice(self) -> Deferred[None]:
        """At start the bridge is made with its address; doing it again changes nothing."""

        async def check() -> None:
            await self.begin()
            before = await self.links()
            self.assertEqual(before["gtbr1"].kind, "bridge")
            self.assertIn(f"{GATEWAY}/24", before["gtbr1"].addresses)
            await self.network.close()
            self.network = self.make_network()
            await self.network.begin(frozenset())
            self.assertEqual(await self.links(), before)

        return self.run_test(check)

    def test_plug(self) -> Deferred[None]:
        """A NIC is a tap on its bridge; unplugged it is gone; a tap left over is replaced."""

        async def check() -> None:
            await self.begin()
            for _ in range(2):
                self.assertEqual(await self.plug(), (TapNic(MAC, TAP),))
                self.assertIn(TAP, await self.links())
            await self.network.unplug("snf-1")
            self.assertNotIn(TAP, await self.links())
            await self.network.unplug("snf-1")

        return self.run_test(check)

    def test_plug_without_bridge(self) -> Deferred[None]:
        """A NIC whose bridge is not there fails, and leaves no tap."""

        async def check() -> None:
            await self.begin()
            lost = (PortPlan("uuid-of-n1", MAC, link="nowhere"),)
            plugging = Deferred.fromCoroutine(self.network.plug("snf-1", lost, {}))
            await self.assertFailure(plugging, OpExecError)
            self.assertNotIn(TAP, await self.links())

        return self.run_test(check)

    def test_strays(self) -> Deferred[None]:
        """At the next start a guest that runs has its tap still, one that is gone has none."""

        async def check() -> None:
            await self.begin()
            await self.plug()
            for running, there in ({"snf-1"}, True), (set(), False):
                await self.network.close()
                self.network = self.make_network()
                await self.network.begin(frozenset(running))
                self.assertEqual(TAP in await self.links(), there)

        return self.run_test(check)

    def test_disconnect(self) -> Deferred[None]:
        """A network that is carried no more leaves no bridge, and can come back."""

        async def check() -> None:
            await self.begin()
            await self.network.disconnect(network().name)
            self.assertNotIn("gtbr1", await self.links())
            await self.network.connect(network())
            self.assertIn("gtbr1", await self.links())

        return self.run_test(check)

    def test_dhcp(self) -> Deferred[None]:
        """A real DHCP client gets what its NIC is bound to; a stranger gets nothing."""
        if shutil.which("busybox") is None:
            raise SkipTest("there is no busybox for its DHCP client")

        async def check() -> None:
            await self.begin()
            await self.plug()
            await self.add_guest()
            directory = Path(tempfile.mkdtemp())
            self.addCleanup(shutil.rmtree, directory)
            script = directory / "bound"
            script.write_text("#!/bin/sh\n[ $1 != bound ] || env\n")
            script.chmod(0o755)
            client = ["ip", "netns", "exec", self.guest, "busybox", "udhcpc", "-i", "c0", "-f",
                      "-n", "-q", "-t", "2", "-T", "1", "-s", str(script)]  # fmt: skip
            said = await run(reactor, client)
            for line in (
                f"ip={ADDRESS}", "subnet=255.255.255.0", f"router={GATEWAY}", "dns=192.0.2.53",
                "hostname=snf-1", "lease=600", f"serverid={GATEWAY}",
            ):  # fmt: skip
                self.assertIn(line, said.output.splitlines())
            await self.ip("link set dev c0 address fa:16:3e:00:00:99", namespace=self.guest)
            await self.assertFailure(Deferred.fromCoroutine(run(reactor, client)), Exception)

        return self.run_test(check)

    def test_guard(self) -> Deferred[None]:
        """From a tap only frames with the NIC's own addresses get through."""

        async def check() -> None:
            await self.begin()
            await self.plug()
            tap = await within(reactor, self.node, lambda: open_tap(TAP))
            self.addCleanup(os.close, tap)
            frames = {
                "good": arp(MAC, ADDRESS),
                "wrong mac": arp("fa:16:3e:00:00:02", ADDRESS),
                "wrong address": arp(MAC, "10.7.0.77"),
            }

            def exchange() -> set[str]:
                everything = socket.htons(3)
                with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, everything) as heard:
                    heard.bind(("gtbr1", 3))
                    heard.settimeout(0.5)
                    for frame in frames.values():
                        os.write(tap, frame)
                    seen = set()
                    try:
                        while True:
                            got = heard.recv(2000)
                            seen |= {name for name, frame in frames.items() if frame in got}
                    except TimeoutError:
                        return seen

            self.assertEqual(await within(reactor, self.node, exchange), {"good"})

        return self.run_test(check)

    def test_routing(self) -> Deferred[None]:
        """Guests reach the outside as the node; nobody reaches them, nor other networks' guests."""

        async def check() -> None:
            await self.begin()
            await self.network.connect(network("snf-net-2", "gtbr2", 8))
            await self.add_guest()
            await self.ip(
                f"netns add {self.outside}",
                f"link add up0 netns {self.node} type veth peer name o0 netns {self.outside}",
            )
            await self.ip("address add 198.51.100.1/24 dev up0", "link set dev up0 up",
                          namespace=self.node)  # fmt: skip
            await self.ip("address add 198.51.100.2/24 dev o0", "link set dev o0 up",
                          "route add 10.7.0.0/24 via 198.51.100.1",
                          namespace=self.outside)  # fmt: skip
            await self.ip(f"address add {ADDRESS}/24 dev c0",
                          f"route add default via {GATEWAY}", namespace=self.guest)  # fmt: skip

            def bound(address: str) -> Callable[[], socket.socket]:
                def make() -> socket.socket:
                    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    self.addCleanup(made.close)
                    made.bind((address, 9999))
                    made.settimeout(0.5)
                    return made

                return make

            guest = await within(reactor, self.guest, bound(ADDRESS))
            outside = await within(reactor, self.outside, bound("198.51.100.2"))
            node = await within(reactor, self.node, bound(GATEWAY))
            other = await within(reactor, self.node, bound("10.8.0.1"))

            def passes(sender: socket.socket, receiver: socket.socket, address: str) -> Any:
                sender.sendto(b"hello", (address, 9999))
                try:
                    return receiver.recvfrom(100)[1][0]
                except TimeoutError:
                    return None

            for sender, receiver, address, seen_as in (
                (outside, guest, ADDRESS, None),
                (guest, node, GATEWAY, None),
                (guest, other, "10.8.0.1", None),
                (guest, outside, "198.51.100.2", "198.51.100.1"),
            ):
                got = await within(reactor, None, lambda a=(sender, receiver, address): passes(*a))
                self.assertEqual(got, seen_as, address)

        return self.run_test(check)


class ResolverTests(TestCase):
    """Which name servers guests are told."""

    def test_not_loopback(self) -> None:
        """Only what guests can reach too."""
        path = Path(self.mktemp())
        path.write_text("nameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\nsearch x\n")
        self.assertEqual(resolvers(path), ("192.0.2.1",))
        self.assertEqual(resolvers(path.with_name("absent")), ())
