"""Limits of NICs and marks of their packets, on real taps, while the guest runs."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from ganetid.network.names import tap_name
from ganetid.network.ports import NetworkPlan, NicQos, PortPlan
from ganetid.network.qos import burst_bytes, sending_rules
from ganetid.network.state import link_local
from ganetid.node.programs import run
from tests.ganetid.cluster import Client
from tests.ganetid.network.cluster_lab import WiredTestCase
from tests.ganetid.network.lab import CLUSTER, NetworkTestCase, run_test, udp_socket

NETWORK = NetworkPlan("net", "gtbr1", subnet="10.7.0.0/24", gateway="10.7.0.1")
ROUTED = NetworkPlan("far", "77", "routed", subnet="203.0.113.0/24")
ONE = PortPlan("uuid-one", "fa:16:3e:00:00:09", ("10.7.0.9",), "net", host_name="one")
TWO = PortPlan("uuid-two", "fa:16:3e:00:00:0a", ("10.7.0.8",), "net", host_name="two")
DATAGRAM, MANY = 1400, 400
KBPS = 800
BYTES_A_SECOND = KBPS * 125
BURST = 65_536


def carry(sender: socket.socket, receiver: socket.socket, to: str) -> tuple[int, float]:
    """Bytes of 560,000 that arrive, and seconds until nothing comes any more.  Blocks."""
    receiver.setblocking(False)
    got, start, last = 0, time.monotonic(), time.monotonic()
    for number in range(10 * MANY):
        if number < MANY:
            sender.sendto(bytes(DATAGRAM), (to, 9999))
        elif time.monotonic() - last > 0.3:
            break
        time.sleep(0.001)
        with contextlib.suppress(BlockingIOError):
            while receiver.recv(2000):
                got, last = got + DATAGRAM, time.monotonic()
    return got, last - start


def mark_of(sender: socket.socket, receiver: socket.socket, to: Any) -> int:
    """DSCP of a packet as it arrives.  Blocks."""
    is_six = receiver.family == socket.AF_INET6
    level, option, kind = (
        (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS)
        if is_six
        else (socket.IPPROTO_IP, socket.IP_RECVTOS, socket.IP_TOS)
    )
    receiver.setsockopt(level, option, 1)
    receiver.settimeout(1)
    for _ in range(40):
        with contextlib.suppress(OSError):
            time.sleep(0.1)
            sender.sendto(b"x", to)
            _, told, _, _ = receiver.recvmsg(100, 100)
            return next(value[0] >> 2 for _, each, value in told if each == kind)
    raise TimeoutError


class PlanTests(SynchronousTestCase):
    """Numbers that the kernel can take."""

    @given(st.integers(1, 100_000_000), st.none() | st.integers(1, 2**31 - 1))
    def test_burst(self, kbps: int, burst: int | None) -> None:
        """Whatever is wished, tc and nft can count it."""
        found = burst_bytes(kbps, burst)
        self.assertTrue(0 < found < 2**31)
        self.assertLess(found / (kbps * 125) / 64e-9, 2**32)

    def test_nothing(self) -> None:
        """What has no limit has no rules, and promises make none."""
        self.assertEqual(list(sending_rules(NicQos(min_egress_kbps=1000))), [])


class LimitTests(NetworkTestCase):
    """Real packets between guests."""

    async def pair(self, qos: NicQos) -> tuple[Any, Any]:
        one = await self.guest(evolve(ONE, qos=qos), gateway="10.7.0.1")
        two = await self.guest(TWO, gateway="10.7.0.1")
        at_one, at_two = [await each.inside(udp_socket) for each in (one, two)]
        for each in (at_one, at_two):
            self.addCleanup(each.close)
        return at_one, at_two

    def assert_limited(self, carried: tuple[int, float], at_once: int) -> None:
        got, seconds = carried
        self.assertLessEqual(got, (seconds * BYTES_A_SECOND + at_once) * 1.1)
        self.assertGreaterEqual(got, BURST * 0.8)
        self.assertLess(got, DATAGRAM * MANY * 0.8)

    def assert_free(self, carried: tuple[int, float]) -> None:
        self.assertGreater(carried[0], DATAGRAM * MANY * 0.95)

    def test_gets(self) -> Deferred[None]:
        """What a guest gets is limited; changed and ended while it runs, and after a restart."""

        async def check() -> None:
            await self.begin(NETWORK)
            one, two = await self.pair(NicQos(ingress_kbps=KBPS, ingress_burst_kbit=1))
            self.assert_limited(await deferToThread(carry, two, one, "10.7.0.9"), BURST)
            self.assert_free(await deferToThread(carry, one, two, "10.7.0.8"))
            await self.restart("one", "two")
            self.assertIn("rate 800Kbit burst 64Kb", await self.queue())
            qos = NicQos(ingress_kbps=1_000_000)
            await self.network.update("one", (evolve(ONE, qos=qos),), None)
            self.assertIn("rate 1Gbit", await self.queue())
            self.assert_free(await deferToThread(carry, two, one, "10.7.0.9"))
            await self.network.update("one", (ONE,), None)
            self.assertNotIn("tbf", await self.queue())

        return run_test(check)

    async def queue(self) -> str:
        inside = ["ip", "netns", "exec", self.node]
        tap = tap_name(CLUSTER, ONE.uuid)
        return (await run(reactor, [*inside, "tc", "qdisc", "show", "dev", tap])).output

    def test_sends(self) -> Deferred[None]:
        """What a guest sends is limited; ended while it runs."""

        async def check() -> None:
            await self.begin(NETWORK)
            one, two = await self.pair(NicQos(egress_kbps=KBPS, egress_burst_kbit=1))
            carried = await deferToThread(carry, one, two, "10.7.0.8")
            self.assert_limited(carried, BURST + BYTES_A_SECOND)
            self.assert_free(await deferToThread(carry, two, one, "10.7.0.9"))
            await self.network.update("one", (ONE,), None)
            self.assert_free(await deferToThread(carry, one, two, "10.7.0.8"))

        return run_test(check)

    def test_routed(self) -> Deferred[None]:
        """Limits and marks hold where there is no bridge, too."""

        async def check() -> None:
            await self.begin(ROUTED)
            qos = NicQos(egress_kbps=KBPS, egress_burst_kbit=1, ingress_kbps=KBPS, dscp=46)
            port = evolve(ONE, ips=("203.0.113.9",), network="far", qos=qos)
            guest = await self.guest(port, gateway="203.0.113.1")
            outside = await self.outside()
            await outside.ip("route add default via 198.51.100.1")
            at_one = await guest.inside(udp_socket)
            there = await outside.inside(udp_socket)
            for each in (at_one, there):
                self.addCleanup(each.close)
            self.assertEqual(
                await deferToThread(mark_of, at_one, there, ("198.51.100.2", 9999)), 46
            )
            carried = await deferToThread(carry, at_one, there, "198.51.100.2")
            self.assert_limited(carried, BURST + BYTES_A_SECOND)
            self.assert_limited(await deferToThread(carry, there, at_one, "203.0.113.9"), 80_000)

        return run_test(check)

    def test_marks(self) -> Deferred[None]:
        """All IP packets that it sends bear its mark, of both versions; nobody else's do."""

        async def check() -> None:
            await self.begin(NETWORK)
            one, two = await self.pair(NicQos(dscp=46))
            self.assertEqual(await deferToThread(mark_of, one, two, ("10.7.0.8", 9999)), 46)
            self.assertEqual(await deferToThread(mark_of, two, one, ("10.7.0.9", 9999)), 0)

        return run_test(check)

    def test_marks_six(self) -> Deferred[None]:
        """The same of IPv6."""

        async def check() -> None:
            await self.begin(NETWORK)
            one = await self.guest(evolve(ONE, qos=NicQos(dscp=10)))
            two = await self.guest(TWO)

            def opened() -> tuple[socket.socket, int]:
                made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                made.bind(("::", 9999))
                return made, socket.if_nametoindex("eth0")

            (from_one, index), (at_two, _) = await one.inside(opened), await two.inside(opened)
            for each in (from_one, at_two):
                self.addCleanup(each.close)
            target = (link_local(TWO.mac), 9999, 0, index)
            self.assertEqual(await deferToThread(mark_of, from_one, at_two, target), 10)

        return run_test(check)


class RemoteTests(WiredTestCase):
    """By the remote API."""

    def test_remote(self) -> Deferred[None]:
        """Set on a running guest, shown, and refused where it can't be."""

        async def check(client: Client) -> None:
            await self.network(client, "net", "gtbr1", network="10.7.0.0/24", gateway="10.7.0.1")
            one = await self.instance(client, "one", {"network": "net", "ip": "pool"})
            two = await self.instance(client, "two", {"network": "net", "ip": "pool"})
            path = "/2/instances/one/nics/0/port"
            for qos, words in (
                ({"egress_kbps": 0}, "port.qos.egress_kbps: 0 is not in 1 to 100000000"),
                ({"dscp": 64}, "port.qos.dscp: 64 is not in 0 to 63"),
                ({"ingress_kbps": "1"}, "port.qos.ingress_kbps: Expected `int | null`"),
                ({"ingress_burst_kbit": 1}, "port.qos.ingress_burst_kbit: without ingress_kbps"),
                ({"colour": 1}, "port.qos.colour: there is no such field"),
            ):
                body = {"port": {"qos": qos}}
                self.assertIn(words, await self.refused(client, "PUT", path, body))
            qos = {"egress_kbps": KBPS, "egress_burst_kbit": 8, "min_egress_kbps": 100}
            await self.done(client, "PUT", path, {"port": {"qos": qos}})
            shown = (await client.call("GET", path))[1]["qos"]
            self.assertEqual({name: shown[name] for name in qos}, qos)
            at_one, at_two = await self.socket(one), await self.socket(two)
            got, _ = await deferToThread(carry, at_one, at_two, str(two.port.ip))
            self.assertLess(got, DATAGRAM * MANY * 0.8)
            await self.done(client, "PUT", path, {"port": {"qos": None}})
            got, _ = await deferToThread(carry, at_one, at_two, str(two.port.ip))
            self.assertGreater(got, DATAGRAM * MANY * 0.95)

        return self.run_test(check)
