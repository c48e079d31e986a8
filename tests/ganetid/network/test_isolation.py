"""Guests of different tenants on one node: frames, spoofing, and equal addresses."""

from __future__ import annotations

import os
from collections.abc import Mapping

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ganetid.network.ports import AddressPair, NetworkPlan, PortPlan
from ganetid.network.state import link_local
from ganetid.network.wire import frames
from tests.ganetid.network.lab import FakeGuest, NetworkTestCase, Wire, heard, run_test
from tests.ganetid.network.packets import advertised, arp, framed, icmp6, udp

MAC_A, MAC_B, MAC_C = "aa:00:01:00:00:0a", "aa:00:01:00:00:0b", "aa:00:02:00:00:0c"
FIRST = NetworkPlan("first", "prv0", subnet="10.7.0.0/24", mac_prefix="aa:00:01", mac_filtered=True)
SECOND = evolve(FIRST, name="second", mac_prefix="aa:00:02")
A = PortPlan("uuid-a", MAC_A, ("10.7.0.10", "fd00:7::a"), "first", host_name="a")
B = PortPlan("uuid-b", MAC_B, ("10.7.0.11",), "first", host_name="b")
C = PortPlan("uuid-c", MAC_C, ("10.7.0.10",), "second", host_name="c")
ALL = frames.BROADCAST


LOCAL_A = link_local(MAC_A)
GOOD: Mapping[str, bytes] = {
    "unicast": framed(MAC_A, MAC_B, udp("10.7.0.10", "10.7.0.11")),
    "broadcast": framed(MAC_A, ALL, udp("10.7.0.10", "10.7.0.255")),
    "arp": framed(MAC_A, ALL, arp(MAC_A, "10.7.0.10")),
    "arp probe": framed(MAC_A, ALL, arp(MAC_A, "0.0.0.0")),
    "ipv6": framed(MAC_A, MAC_B, udp("fd00:7::a", "fd00:7::b")),
    "link-local": framed(MAC_A, MAC_B, udp(LOCAL_A, "fe80::1")),
    "neighbour": framed(MAC_A, MAC_B, icmp6("fd00:7::a", "fd00:7::b", advertised("fd00:7::a"))),
    "local neighbour": framed(MAC_A, MAC_B, icmp6(LOCAL_A, "fd00:7::b", advertised(LOCAL_A))),
}
SPOOFED: Mapping[str, bytes] = {
    "mac": framed(MAC_B, ALL, udp("10.7.0.10", "10.7.0.255")),
    "the node's mac": framed("02:00:00:00:00:01", MAC_B, udp("10.7.0.10", "10.7.0.11")),
    "ip": framed(MAC_A, MAC_B, udp("10.7.0.99", "10.7.0.11")),
    "no ip": framed(MAC_A, MAC_B, udp("0.0.0.0", "10.7.0.11")),
    "identity": framed(MAC_A, MAC_B, udp("240.0.1.0", "10.7.0.11")),
    "arp reply for another": framed(MAC_A, MAC_B, arp(MAC_A, "10.7.0.11", 2)),
    "arp in another's name": framed(MAC_A, MAC_B, arp(MAC_B, "10.7.0.10", 2)),
    "ipv6": framed(MAC_A, MAC_B, udp("fd00:7::66", "fd00:7::b")),
    "link-local": framed(MAC_A, MAC_B, udp("fe80::66", "fe80::1")),
    "neighbour": framed(MAC_A, MAC_B, icmp6("fd00:7::a", "fd00:7::b", advertised("fd00:7::1"))),
    "router": framed(MAC_A, "33:33:00:00:00:01",
                     icmp6(LOCAL_A, "ff02::1", b"\x86\0\0\0\x40\0\x07\x08" + bytes(8))),
    "redirect": framed(MAC_A, MAC_B, icmp6(LOCAL_A, "fd00:7::b", b"\x89" + bytes(39))),
    "dhcp server": framed(MAC_A, ALL, udp("10.7.0.10", "255.255.255.255", (67, 68))),
    "dhcpv6 server": framed(MAC_A, MAC_B, udp(LOCAL_A, "fe80::1", (547, 546))),
    "dhcp question": framed(MAC_A, ALL, udp("0.0.0.0", "255.255.255.255", (68, 67))),
    "spanning tree": framed(MAC_A, "01:80:c2:00:00:00", b"\0\x26\x42\x42\x03" + bytes(40)),
    "vlan tag": framed(MAC_A, MAC_B, b"\x81\0\0\x0a" + udp("10.7.0.10", "10.7.0.11")),
    "two vlan tags": framed(MAC_A, MAC_B, b"\x88\xa8\0\x0a\x81\0\0\x0b" + bytes(40)),
    "unknown protocol": framed(MAC_A, MAC_B, b"\x88\xb5" + os.urandom(40)),
}  # fmt: skip


async def reached(sender: Wire, receiver: Wire) -> None:
    """Wait until a good frame arrives: a new port of a bridge takes a moment."""
    for _ in range(40):
        probe = framed(MAC_A, ALL, udp("10.7.0.10", "10.7.0.255", what=os.urandom(20)))
        sender.send(probe)
        if await heard(receiver, probe, 0.25):
            return
    raise AssertionError("not even a good frame arrives")


async def arrived(sender: Wire, receiver: Wire, sent: Mapping[str, bytes]) -> set[str]:
    """Names of those frames that the receiver gets, between two good ones."""
    await reached(sender, receiver)
    receiver.heard.clear()
    for frame in sent.values():
        sender.send(frame)
    await reached(sender, receiver)
    got = list(receiver.heard)
    return {name for name, frame in sent.items() if any(each.startswith(frame) for each in got)}


class FrameTests(NetworkTestCase):
    """What reaches a neighbour's wire."""

    async def start(self) -> tuple[Wire, Wire, Wire]:
        await self.begin(FIRST, SECOND)
        a, b, c = await self.plugged(A), await self.plugged(B), await self.plugged(C)
        return a, b, c

    def test_spoofing(self) -> Deferred[None]:
        """Frames under the NIC's own addresses arrive; none under others', nor a server's role."""

        async def check() -> None:
            a, b, _ = await self.start()
            self.assertEqual(await arrived(a, b, GOOD), set(GOOD))
            self.assertEqual(await arrived(a, b, SPOOFED), set())

        return run_test(check)

    def test_router_of_the_node(self) -> Deferred[None]:
        """A guest with a tap of its own is no router to the node either."""

        async def check() -> None:
            network = NetworkPlan("pub", "9", "routed", subnet="203.0.113.0/24",
                                  subnet6="fd00:77::/64", gateway6="fd00:77::1")  # fmt: skip
            await self.begin(network)
            port = PortPlan("uuid-r", MAC_A, ("203.0.113.5", "fd00:77::5"), "pub", "routed",
                            host_name="r")  # fmt: skip
            wire = await self.plugged(port)
            node = FakeGuest(self.node, port, wire)
            await deferLater(reactor, 1)
            for _ in range(3):
                wire.send(SPOOFED["router"])
            await deferLater(reactor, 0.2)
            self.assertNotIn("default", await node.says("ip", "-6", "route"))

        return run_test(check)

    def test_other_tenant(self) -> Deferred[None]:
        """On the same bridge a guest of another network gets none of it, also not by its MAC."""

        async def check() -> None:
            a, b, c = await self.start()
            to_c = framed(MAC_A, MAC_C, udp("10.7.0.10", "10.7.0.10"))
            await arrived(a, b, {**GOOD, "aimed": to_c})
            await deferLater(reactor, 0.1)
            self.assertEqual([frame for frame in c.heard if frame[6:12] == GOOD["arp"][6:12]], [])
            c.send(framed(MAC_C, ALL, udp("10.7.0.10", "10.7.0.255", what=b"from-the-second")))
            self.assertFalse(await heard(a, b"from-the-second", 0.2))

        return run_test(check)

    def test_not_for_us(self) -> Deferred[None]:
        """A frame for a MAC address that nobody has is shown to no guest."""

        async def check() -> None:
            a, b, _ = await self.start()
            stray = {"stray": framed(MAC_A, "aa:00:01:00:00:77", udp("10.7.0.10", "10.7.0.77"))}
            self.assertEqual(await arrived(a, b, stray), set())

        return run_test(check)

    def test_allowed_pairs(self) -> Deferred[None]:
        """A pair lets a NIC send under more addresses, from the moment of the change on."""

        async def check() -> None:
            a, b, _ = await self.start()
            virtual = "aa:00:01:5e:01:07"
            sent = {
                "ip": SPOOFED["ip"],
                "mac": framed(virtual, MAC_B, udp("10.7.0.99", "10.7.0.11")),
                "neighbour": SPOOFED["neighbour"],
            }
            self.assertEqual(await arrived(a, b, sent), set())
            pairs = (AddressPair("10.7.0.96/28", virtual), AddressPair("fd00:7::/120"))
            await self.network.update("a", (evolve(A, pairs=pairs),), None)
            self.assertEqual(await arrived(a, b, sent), set(sent))
            await self.network.update("a", (A,), None)
            self.assertEqual(await arrived(a, b, sent), set())

        return run_test(check)

    def test_trunk(self) -> Deferred[None]:
        """A trunk sends and gets frames with its own VLANs' tags, and with no others."""

        async def check() -> None:
            await self.begin(FIRST, SECOND)
            a = await self.plugged(evolve(A, vlan=".10:20:30"))
            b = await self.plugged(evolve(B, vlan=":30:40"))

            def tagged(tag: int) -> bytes:
                inner = framed(MAC_A, MAC_B, udp("10.7.0.10", "10.7.0.11", what=b"tag%d" % tag))
                return inner[:12] + b"\x81\x00" + tag.to_bytes(2, "big") + inner[12:]

            sent = {str(tag): tagged(tag) for tag in (10, 20, 30, 40, 50)}
            got = set()
            for name, frame in sent.items():
                a.send(frame)
                if await heard(b, b"tag" + name.encode(), 0.2):
                    got.add(name)
            self.assertEqual(got, {"30"})

        return run_test(check)

    def test_unguarded(self) -> Deferred[None]:
        """Without the guard other addresses pass; server roles and VLAN tags do not."""

        async def check() -> None:
            await self.begin(FIRST, SECOND)
            a, b = await self.plugged(evolve(A, guarded=False)), await self.plugged(B)
            sent = {
                name: frame
                for name, frame in SPOOFED.items()
                if name not in {"mac", "the node's mac"}
            }
            got = await arrived(a, b, sent)
            self.assertLessEqual({"ip", "ipv6", "arp reply for another"}, got)
            for role in ("router", "dhcp server", "vlan tag", "spanning tree", "identity"):
                self.assertNotIn(role, got)

        return run_test(check)
