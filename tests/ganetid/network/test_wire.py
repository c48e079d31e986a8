"""Frames as bytes: what is written is read, what is read is never trusted, and what is answered."""

from __future__ import annotations

import ipaddress
import struct

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.network.ports import NetworkPlan, Plugged, PortPlan
from ganetid.network.state import METADATA, NetworkState, Place, autoconfigured, link_local
from ganetid.network.wire import dhcp, dhcp6, frames
from ganetid.network.wire.answers import NodeTells, answer, unasked_advertisement
from ganetid.network.wire.dhcp6 import Binding6, Dhcp6Message, NotDhcp6
from ganetid.network.wire.frames import Arp, BadFrame, Datagram, Ethernet
from ganetid.network.wire.public import NOBODY, announcement, answer_for_public
from ganetid.network.wire.router import Advertised, Prefix, advertisement

MAC = "fa:16:3e:00:00:01"
NETWORK = NetworkPlan(
    "net", "br0", subnet="10.0.0.0/24", gateway="10.0.0.1", subnet6="fd00::/64",
    gateway6="fd00::1", mtu=1400, dns6=("fd00::53",), domain="example.org",
)  # fmt: skip
PORT = PortPlan("uuid-1", MAC, ("10.0.0.5", "fd00::5"), "net", host_name="one")
TELLS = NodeTells(dns=("192.0.2.53",), lease_s=600)

macs = st.binary(min_size=6, max_size=6).map(lambda raw: ":".join(f"{byte:02x}" for byte in raw))
ports = st.integers(0, 65535)
ip4, ip6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
datagrams = st.one_of(
    st.builds(Datagram, ip4, ip4, st.just(17), ports, ports, st.binary(max_size=300)),
    st.builds(Datagram, ip6, ip6, st.just(17), ports, ports, st.binary(max_size=300)),
    st.builds(
        Datagram, ip6, ip6, st.just(58), st.just(0), st.just(0), st.binary(min_size=4, max_size=99)
    ),
)
options6 = st.lists(
    st.tuples(st.integers(0, 65535).filter(lambda number: number != dhcp6.IA_ADDRESS),
              st.binary(max_size=40)), max_size=5,
).map(tuple)  # fmt: skip
messages6 = st.builds(Dhcp6Message, st.integers(1, 11), st.integers(0, 2**24 - 1), options6)


def placed(network: NetworkPlan = NETWORK, port: PortPlan = PORT, told: bool = True) -> Place:
    metadata = {"a": b"b"} if told else {}
    state = NetworkState("c").with_networks({network.name: network})
    return state.with_plugged(Plugged("one", (port,), metadata=metadata)).places()[0]


def framed(datagram: Datagram, mac: str = MAC, to: str = frames.BROADCAST) -> bytes:
    ethertype = frames.IPV6 if ":" in datagram.source else frames.IPV4
    return frames.write_ethernet(Ethernet(to, mac, ethertype, frames.write_datagram(datagram)))


def discover(mac: str = MAC, chaddr: str = MAC) -> bytes:
    message = dhcp.DhcpMessage(1, 7, chaddr, options={dhcp.KIND: b"\x01"})
    return framed(Datagram("0.0.0.0", "255.255.255.255", 17, 68, 67, dhcp.encode(message)), mac)


def asked6(kind: int, *options: tuple[int, bytes]) -> bytes:
    message = dhcp6.encode(Dhcp6Message(kind, 77, options))
    return framed(Datagram(link_local(MAC), "ff02::1:2", 17, 546, 547, message))


class FrameTests(SynchronousTestCase):
    """Ethernet, ARP, IP, UDP and ICMPv6."""

    @given(datagrams, macs, macs)
    def test_round_trip(self, datagram: Datagram, source: str, to: str) -> None:
        """What is written is read again."""
        frame = frames.read_ethernet(framed(datagram, source, to))
        self.assertEqual((frame.source, frame.destination), (source, to))
        got = frames.read_datagram(frame)
        if datagram.protocol == 58:  # its checksum is filled in
            got = evolve(got, payload=datagram.payload[:2] + b"\0\0" + datagram.payload[4:])
            datagram = evolve(
                datagram, payload=datagram.payload[:2] + b"\0\0" + datagram.payload[4:]
            )
        self.assertEqual(got, datagram)

    @given(datagrams)
    def test_checksums(self, datagram: Datagram) -> None:
        """Checksums over what is written come out as 0, so that receivers believe it."""
        packet = frames.write_datagram(datagram)
        head = 40 if ":" in datagram.source else 20
        if head == 20:
            self.assertEqual(frames.checksum(packet[:20]), 0)
        addresses = b"".join(
            ipaddress.ip_address(each).packed for each in (datagram.source, datagram.destination)
        )
        pseudo = addresses + struct.pack("!II", len(packet) - head, datagram.protocol)
        self.assertIn(frames.checksum(pseudo + packet[head:]), (0, 0xFFFF))

    @given(st.integers(0, 65535), macs, ip4, macs, ip4)
    def test_arp(self, operation: int, mac: str, sender: str, to_mac: str, target: str) -> None:
        """ARP too."""
        arp = Arp(operation, mac, sender, to_mac, target)
        self.assertEqual(frames.read_arp(frames.write_arp(arp)), arp)

    @given(st.binary(max_size=200), st.sampled_from([b"\x08\0\x45", b"\x86\xdd\x60", b"\x08\x06"]))
    def test_garbage(self, garbage: bytes, head: bytes) -> None:
        """Whatever a guest sends is answered or not; nothing breaks."""
        for frame in (garbage, bytes(6) + bytes.fromhex(MAC.replace(":", "")) + head + garbage):
            answer(frame, placed(), TELLS)
            answer_for_public(frame, {"192.0.2.7"}, MAC)
            try:
                frames.read_datagram(frames.read_ethernet(frame))
            except BadFrame:
                continue

    @given(datagrams, st.integers(0, 400))
    def test_cut(self, datagram: Datagram, size: int) -> None:
        """A frame that is cut off anywhere is not half believed."""
        whole = framed(datagram)
        cut = whole[: min(size, len(whole) - 1)]
        self.assertRaises(BadFrame, lambda: frames.read_datagram(frames.read_ethernet(cut)))


class Dhcp6Tests(SynchronousTestCase):
    """DHCPv6 as bytes, and what is answered."""

    SERVER = dhcp6.server_duid("02:00:00:00:00:01")
    BINDING = Binding6(SERVER, "fd00::5", ("fd00::53",), "example.org", 600)
    IA = (dhcp6.IA_NA, b"\0\0\0\x09" + bytes(8))
    CLIENT = (dhcp6.CLIENT_ID, b"client")

    @given(messages6)
    def test_round_trip(self, message: Dhcp6Message) -> None:
        """What is encoded is decoded to the same."""
        self.assertEqual(dhcp6.decode(dhcp6.encode(message)), message)

    @given(st.binary(max_size=300), messages6)
    def test_garbage(self, garbage: bytes, message: Dhcp6Message) -> None:
        """Whatever comes is a message or NotDhcp6; any message is answered or not."""
        for datagram in (garbage, dhcp6.encode(message) + garbage):
            try:
                dhcp6.answer(dhcp6.decode(datagram), self.BINDING)
            except NotDhcp6:
                continue

    def said(self, kind: int, *options: tuple[int, bytes]) -> Dhcp6Message | None:
        return dhcp6.answer(Dhcp6Message(kind, 77, options), self.BINDING)

    def test_solicit(self) -> None:
        """A client is offered its address; one in a hurry has it at once."""
        offer = self.said(dhcp6.SOLICIT, self.CLIENT, self.IA)
        assert offer is not None
        self.assertEqual((offer.kind, offer.transaction), (dhcp6.ADVERTISE, 77))
        granted = offer.option(dhcp6.IA_NA) or b""
        self.assertEqual(granted[:12], b"\0\0\0\x09" + struct.pack("!II", 300, 480))
        self.assertIn(ipaddress.IPv6Address("fd00::5").packed, granted)
        self.assertEqual(offer.option(dhcp6.DOMAIN), b"\x07example\x03org\0")
        rapid = self.said(dhcp6.SOLICIT, self.CLIENT, self.IA, (dhcp6.RAPID_COMMIT, b""))
        assert rapid is not None
        self.assertEqual(rapid.kind, dhcp6.REPLY)

    def test_request(self) -> None:
        """A request is granted by the server that it names, and by no other."""
        for server, kind in ((self.SERVER, dhcp6.REPLY), (b"another", None), (None, None)):
            named = [(dhcp6.SERVER_ID, server)] if server is not None else []
            said = self.said(dhcp6.REQUEST, self.CLIENT, self.IA, *named)
            self.assertEqual(None if said is None else said.kind, kind)

    def test_confirm(self) -> None:
        """Whether a client may keep an address from before."""
        for address, status in (("fd00::5", 0), ("fd00::6", dhcp6.NOT_ON_LINK)):
            packed = ipaddress.IPv6Address(address).packed + bytes(8)
            inner = struct.pack("!HH", dhcp6.IA_ADDRESS, 24) + packed
            said = self.said(dhcp6.CONFIRM, self.CLIENT, (dhcp6.IA_NA, bytes(12) + inner))
            assert said is not None
            self.assertEqual(said.option(dhcp6.STATUS), struct.pack("!H", status))

    def test_no_address(self) -> None:
        """Where addresses are not managed, a client is told so, and still the name servers."""
        binding = evolve(self.BINDING, address=None)
        said = dhcp6.answer(Dhcp6Message(1, 1, (self.CLIENT, self.IA)), binding)
        assert said is not None
        self.assertIn(struct.pack("!HHH", 13, 2, dhcp6.NO_ADDRESS), said.option(3) or b"")
        information = self.said(dhcp6.INFORMATION_REQUEST)
        assert information is not None
        self.assertEqual(information.option(dhcp6.DNS), ipaddress.IPv6Address("fd00::53").packed)


class AnswerTests(SynchronousTestCase):
    """From a frame on a tap to the frame that the guest gets."""

    def test_dhcp(self) -> None:
        """The answer goes to the client alone, from the node's own MAC address."""
        place = placed()
        frame = frames.read_ethernet(answer(discover(), place, TELLS) or b"")
        self.assertEqual(frame.source, place.node_mac)
        datagram = frames.read_datagram(frame)
        self.assertEqual((datagram.source, datagram.source_port), ("10.0.0.1", 67))
        offer = dhcp.decode(datagram.payload)
        self.assertEqual(offer.yiaddr, "10.0.0.5")
        self.assertEqual(offer.options[dhcp.MTU], (1400).to_bytes(2, "big"))
        self.assertEqual(
            offer.options[dhcp.ROUTES],
            b"\x20\xa9\xfe\xa9\xfe\0\0\0\0" + b"\0\x0a\0\0\x01",
        )

    def test_strangers(self) -> None:
        """Neither another's frame nor another's name in it gets an answer; nor is DHCP told off."""
        other = "fa:16:3e:00:00:02"
        for frame in (discover(mac=other), discover(chaddr=other)):
            self.assertIsNone(answer(frame, placed(), TELLS))
        self.assertIsNone(answer(discover(), placed(evolve(NETWORK, dhcp=False)), TELLS))
        self.assertIsNone(answer(discover(), placed(port=evolve(PORT, ips=())), TELLS))

    def test_arp(self) -> None:
        """ARP for the metadata service is answered, if there is one; for nobody else."""
        for target, told, is_answered in (
            (METADATA, True, True), (METADATA, False, False), ("10.0.0.7", True, False),
        ):  # fmt: skip
            arp = frames.write_arp(Arp(1, MAC, "10.0.0.5", NOBODY, target))
            frame = frames.write_ethernet(Ethernet(frames.BROADCAST, MAC, frames.ARP, arp))
            place = placed(told=told)
            said = answer(frame, place, TELLS)
            self.assertEqual(said is not None, is_answered)
            if said is not None:
                reply = frames.read_arp(frames.read_ethernet(said).payload)
                self.assertEqual((reply.sender, reply.sender_mac), (target, place.node_mac))

    def test_managed(self) -> None:
        """DHCPv6 gives the NIC's own address where the network manages them."""
        solicit = asked6(dhcp6.SOLICIT, Dhcp6Tests.CLIENT, Dhcp6Tests.IA)
        for managed in (True, False):
            said = answer(solicit, placed(evolve(NETWORK, managed6=managed)), TELLS)
            datagram = frames.read_datagram(frames.read_ethernet(said or b""))
            self.assertEqual(datagram.destination, link_local(MAC))
            has = ipaddress.IPv6Address("fd00::5").packed in datagram.payload
            self.assertEqual(has, managed)

    def test_advertisement(self) -> None:
        """A solicitation from the link is answered; one from afar is not."""
        asking = Datagram(link_local(MAC), "ff02::2", 58, 0, 0, b"\x85" + bytes(7), 255)
        said = answer(framed(asking), placed(), TELLS)
        datagram = frames.read_datagram(frames.read_ethernet(said or b""))
        self.assertEqual((datagram.payload[0], datagram.hop_limit), (134, 255))
        self.assertIn(ipaddress.IPv6Address("fd00::53").packed, datagram.payload)
        self.assertIn(b"\x05\x01\0\0" + (1400).to_bytes(4, "big"), datagram.payload)
        self.assertIsNone(answer(framed(evolve(asking, hop_limit=64)), placed(), TELLS))
        self.assertIsNotNone(unasked_advertisement(placed(), TELLS))
        self.assertIsNone(unasked_advertisement(placed(evolve(NETWORK, subnet6=None)), TELLS))

    def test_flags(self) -> None:
        """Where addresses are managed guests make none of their own; no gateway, no router."""
        for managed, flags, on_prefix in ((False, 0x40, 0xC0), (True, 0xC0, 0x80)):
            message = advertisement(Advertised(MAC, (Prefix("fd00::/64", managed),)))
            self.assertEqual((message[5], message[24 + 3]), (flags, on_prefix))
        alone = advertisement(Advertised(MAC, (Prefix("fd00::/64"),), is_router=False))
        self.assertEqual(alone[6:8], b"\0\0")

    def test_public(self) -> None:
        """The node answers for public addresses outside, and announces them."""
        asked = frames.write_arp(Arp(1, "02:00:00:00:00:09", "192.0.2.1", NOBODY, "192.0.2.7"))
        frame = frames.write_ethernet(
            Ethernet(frames.BROADCAST, "02:00:00:00:00:09", frames.ARP, asked)
        )
        reply = frames.read_ethernet(answer_for_public(frame, {"192.0.2.7"}, MAC) or b"")
        self.assertEqual(frames.read_arp(reply.payload).sender_mac, MAC)
        self.assertIsNone(answer_for_public(frame, {"192.0.2.8"}, MAC))
        told = frames.read_arp(frames.read_ethernet(announcement("192.0.2.7", MAC)).payload)
        self.assertEqual((told.sender, told.target), ("192.0.2.7", "192.0.2.7"))

    def test_made_of_mac(self) -> None:
        """Addresses that a host makes of its MAC address, as in RFC 4291's example."""
        self.assertEqual(link_local("34:56:78:9a:bc:de"), "fe80::3656:78ff:fe9a:bcde")
        self.assertEqual(autoconfigured("fd00:7::/64", MAC), "fd00:7::f816:3eff:fe00:1")
