"""DHCP as bytes, and what is answered."""

from __future__ import annotations

import ipaddress

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.network.wire import dhcp
from ganetid.network.wire.dhcp import DhcpMessage, Lease, NotDhcp, answer, decode, encode

addresses = st.ip_addresses(v=4).map(str)
macs = st.binary(min_size=6, max_size=6).map(lambda raw: ":".join(f"{byte:02x}" for byte in raw))
options = st.dictionaries(st.integers(1, 254), st.binary(max_size=600), max_size=5)
messages = st.builds(
    DhcpMessage,
    op=st.sampled_from([1, 2]),
    xid=st.integers(0, 2**32 - 1),
    mac=macs,
    flags=st.integers(0, 65535),
    secs=st.integers(0, 65535),
    hops=st.integers(0, 255),
    ciaddr=addresses,
    yiaddr=addresses,
    siaddr=addresses,
    giaddr=addresses,
    options=options,
)

LEASE = Lease(
    address="10.0.0.5",
    subnet="10.0.0.0/24",
    server="10.0.0.1",
    router="10.0.0.1",
    dns=("192.0.2.53", "192.0.2.54"),
    host_name="snf-1",
    lease_s=7200,
    mtu=1450,
)
MAC = "fa:16:3e:00:00:01"


def packed(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed


def asked(kind: int, **changes: object) -> DhcpMessage:
    more = changes.pop("options", {})
    message = DhcpMessage(1, 77, MAC, options={dhcp.KIND: bytes((kind,)), **more})  # type: ignore[dict-item]
    return evolve(message, **changes)


class CodecTests(SynchronousTestCase):
    """Bytes and values."""

    @given(messages)
    def test_round_trip(self, message: DhcpMessage) -> None:
        """What is encoded is decoded to the same."""
        self.assertEqual(decode(encode(message)), message)

    @given(st.binary(max_size=400))
    def test_garbage(self, garbage: bytes) -> None:
        """Whatever comes is a message or NotDhcp."""
        head = encode(DhcpMessage(1, 1, MAC))[: dhcp.HEADER.size]
        for datagram in (garbage, head + garbage):
            try:
                decode(datagram)
            except NotDhcp:
                continue

    def test_smallest(self) -> None:
        """A reply has the 300 bytes that old clients expect."""
        self.assertEqual(len(encode(DhcpMessage(2, 1, MAC))), 300)


class AnswerTests(SynchronousTestCase):
    """From a binding to a reply."""

    def test_discover(self) -> None:
        """A discovery is offered the NIC's own address with all that belongs to it."""
        reply = answer(asked(dhcp.DISCOVER), LEASE)
        assert reply is not None
        self.assertEqual(reply.destination, "255.255.255.255")
        message = decode(encode(reply.message))
        self.assertEqual((message.op, message.xid, message.mac), (2, 77, MAC))
        self.assertEqual(message.yiaddr, "10.0.0.5")
        self.assertEqual(
            dict(message.options),
            {
                dhcp.KIND: bytes((dhcp.OFFER,)),
                dhcp.SERVER: packed("10.0.0.1"),
                dhcp.LEASE: (7200).to_bytes(4, "big"),
                dhcp.RENEWAL: (3600).to_bytes(4, "big"),
                dhcp.REBINDING: (6300).to_bytes(4, "big"),
                dhcp.NETMASK: packed("255.255.255.0"),
                dhcp.ROUTER: packed("10.0.0.1"),
                dhcp.DNS: packed("192.0.2.53") + packed("192.0.2.54"),
                dhcp.HOST_NAME: b"snf-1",
                dhcp.MTU: (1450).to_bytes(2, "big"),
            },
        )

    def kind_for(self, message: DhcpMessage) -> int | None:
        reply = answer(message, LEASE)
        return None if reply is None else reply.message.kind

    def test_request(self) -> None:
        """Its own address is granted, another is refused."""
        for address, kind in (("10.0.0.5", dhcp.ACK), ("10.0.0.6", dhcp.NAK)):
            message = asked(dhcp.REQUEST, options={dhcp.REQUESTED: packed(address)})
            self.assertEqual(self.kind_for(message), kind)

    def test_renewal(self) -> None:
        """A client that has its address is answered there."""
        reply = answer(asked(dhcp.REQUEST, ciaddr="10.0.0.5"), LEASE)
        assert reply is not None
        self.assertEqual((reply.message.kind, reply.destination), (dhcp.ACK, "10.0.0.5"))

    def test_other_server(self) -> None:
        """A request that names another server is not answered."""
        wanted = {dhcp.REQUESTED: packed("10.0.0.5"), dhcp.SERVER: packed("10.0.0.99")}
        self.assertIsNone(self.kind_for(asked(dhcp.REQUEST, options=wanted)))

    def test_ignored(self) -> None:
        """Releases, replies and relayed messages are not answered."""
        self.assertIsNone(self.kind_for(asked(dhcp.RELEASE)))
        self.assertIsNone(self.kind_for(asked(dhcp.DISCOVER, op=2)))
        self.assertIsNone(self.kind_for(asked(dhcp.DISCOVER, giaddr="10.0.0.9")))
        self.assertIsNone(self.kind_for(DhcpMessage(1, 1, MAC)))
