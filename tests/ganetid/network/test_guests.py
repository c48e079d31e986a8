"""Guests that ask the node: DHCP, addresses of IPv6, metadata; and reach the outside."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from ganetid.guest.metadata import documents
from ganetid.network.ports import FloatingAddress, NetworkPlan, PortPlan, SecurityRule
from ganetid.network.wire import dhcp
from ganetid.network.wire.packet_socket import MUTED_S
from ganetid.node.programs import ProgramFailed
from tests.ganetid.network.lab import FakeGuest, NetworkTestCase, passes, run_test, udp_socket
from tests.ganetid.network.packets import framed, udp

NET1 = NetworkPlan("net-1", "gtbr1", subnet="10.7.0.0/24", gateway="10.7.0.1", mtu=1400)
NET2 = NetworkPlan("net-2", "gtbr2", subnet="10.7.0.0/24", gateway="10.7.0.1", mtu=1400)
ONE = PortPlan("uuid-1", "fa:16:3e:00:00:01", ("10.7.0.9",), "net-1", host_name="one")
TWO = PortPlan("uuid-2", "fa:16:3e:00:00:02", ("10.7.0.9",), "net-2", host_name="two")
FETCH = ("busybox", "wget", "-q", "-O", "-")
URL = "http://169.254.169.254"


def told(name: str) -> dict[str, bytes]:
    files = {"openstack/latest/meta_data.json": json.dumps(
        {"uuid": f"id-of-{name}", "hostname": name, "admin_pass": "secret"}).encode()}  # fmt: skip
    return documents(files, (ONE,), {"net-1": NET1})


class AskingTests(NetworkTestCase):
    """What the node answers."""

    def setUp(self) -> None:
        super().setUp()
        if shutil.which("busybox") is None:
            raise SkipTest("there is no busybox for its clients")

    async def dhcp(self, guest: FakeGuest) -> list[str]:
        """The lines of environment that a real client has once it is bound."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        script = directory / "bound"
        script.write_text("#!/bin/sh\n[ $1 != bound ] || env\n")
        script.chmod(0o755)
        said = await guest.says(
            "busybox", "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "2", "-T", "1",
            "-O", "mtu", "-O", "staticroutes", "-s", str(script),
        )  # fmt: skip
        return said.splitlines()

    def test_dhcp(self) -> Deferred[None]:
        """A real client gets what its NIC is bound to; under another MAC address nothing."""

        async def check() -> None:
            await self.begin(evolve(NET1, domain="example.org"))
            guest = await self.guest(ONE, told("one"))
            await guest.ip("address flush dev eth0")
            lines = await self.dhcp(guest)
            for line in (
                "ip=10.7.0.9", "subnet=255.255.255.0", "router=10.7.0.1", "dns=192.0.2.53",
                "hostname=one", "lease=600", "serverid=10.7.0.1", "mtu=1400",
                "domain=example.org",
                "staticroutes=169.254.169.254/32 0.0.0.0 0.0.0.0/0 10.7.0.1",
            ):  # fmt: skip
                self.assertIn(line, lines)
            await guest.ip("link set eth0 address fa:16:3e:00:00:99")
            await self.assertFailure(Deferred.fromCoroutine(self.dhcp(guest)), ProgramFailed)

        return run_test(check)

    def test_flood(self) -> Deferred[None]:
        """A guest that asks without end keeps no other from its answer, and is heard again."""

        async def check() -> None:
            await self.begin(NET1, NET2)
            noisy, quiet = await self.guest(ONE), await self.guest(TWO)
            question = dhcp.encode(dhcp.DhcpMessage(1, 1, ONE.mac, options={dhcp.KIND: b"\x01"}))
            frame = framed(
                ONE.mac, "ff:ff:ff:ff:ff:ff", udp("0.0.0.0", "255.255.255.255", (68, 67), question)
            )
            for _ in range(4000):
                noisy.wire.send(frame)
            await quiet.ip("address flush dev eth0")
            self.assertIn("ip=10.7.0.9", await self.dhcp(quiet))
            answers = [each for each in noisy.wire.heard if b"\0\x43\0\x44" in each[:44]]
            self.assertLess(len(answers), 300)
            await deferLater(reactor, MUTED_S)
            await noisy.ip("address flush dev eth0")
            self.assertIn("ip=10.7.0.9", await self.dhcp(noisy))

        return run_test(check)

    def test_slaac(self) -> Deferred[None]:
        """The kernel of a guest takes its prefix, router and MTU from the advertisement."""

        async def check() -> None:
            network = evolve(NET1, subnet6="fd00:7::/64", gateway6="fd00:7::1")
            await self.begin(network)
            guest = await self.guest(ONE)
            await guest.ip("link set eth0 down", "link set eth0 up")
            for _ in range(50):
                addresses = await guest.says("ip", "-6", "address")
                routes = await guest.says("ip", "-6", "route")
                if "fd00:7::f816:3eff:fe00:1/64" in addresses and "default via" in routes:
                    break
                await deferLater(reactor, 0.1)
            self.assertIn("fd00:7::f816:3eff:fe00:1/64", addresses)
            self.assertIn("default via fe80::", routes)
            self.assertIn("mtu 1400", routes)
            await deferLater(reactor, 1.5)  # until the kernel knows that nobody else has it
            said = await guest.says("busybox", "ping", "-6", "-c", "1", "-W", "2", "fd00:7::1")
            self.assertIn("1 packets received", said)

        return run_test(check)

    def test_metadata(self) -> Deferred[None]:
        """Guests of two tenants with the same address get each its own, whatever they claim."""

        async def check() -> None:
            await self.begin(NET1, NET2)
            one = await self.guest(ONE, told("one"), gateway="10.7.0.1")
            two = await self.guest(TWO, told("two"), gateway="10.7.0.1")
            for guest, name in ((one, "one"), (two, "two"), (one, "one")):
                self.assertEqual(
                    await guest.says(*FETCH, f"{URL}/latest/meta-data/instance-id"), f"id-of-{name}"
                )
            claimed = ("--header", "X-Forwarded-For: 240.0.0.1", "--header", "Host: two")
            said = await one.says(*FETCH, *claimed, f"{URL}/openstack/2018-08-27/meta_data.json")
            self.assertEqual(json.loads(said)["hostname"], "one")
            self.assertNotIn("secret", said)

        return run_test(check)

    def test_metadata_without_router(self) -> Deferred[None]:
        """In a network without a router the service is on the link; none of its own: no answer."""

        async def check() -> None:
            await self.begin(evolve(NET1, gateway=None))
            one = await self.guest(ONE, told("one"))
            other = await self.guest(evolve(TWO, network="net-1", ips=("10.7.0.10",)))
            for guest in (one, other):
                await guest.ip("route add 169.254.169.254/32 dev eth0")
            self.assertEqual(await one.says(*FETCH, f"{URL}/latest/meta-data/hostname"), "one")
            asking = other.says(*FETCH, f"{URL}/latest/meta-data/hostname", timeout_s=2)
            await self.assertFailure(Deferred.fromCoroutine(asking), ProgramFailed)
            await self.network.update("one", (ONE,), told("another"))
            self.assertEqual(await one.says(*FETCH, f"{URL}/latest/meta-data/hostname"), "another")

        return run_test(check)


class ReachTests(NetworkTestCase):
    """Who reaches whom through the node."""

    async def passes(self, sender: Any, receiver: Any, to: str) -> str | None:
        """sender, receiver: sockets."""
        result: str | None = await deferred_in_thread(lambda: passes(sender, receiver, to))
        return result

    async def socket(self, machine: FakeGuest, address: str = "0.0.0.0") -> Any:
        made = await machine.inside(lambda: udp_socket(address=address))
        self.addCleanup(made.close)
        return made

    def test_same_addresses(self) -> Deferred[None]:
        """Two tenants' guests with one address reach the outside, and each gets its own answer."""

        async def check() -> None:
            await self.begin(NET1, NET2)
            outside = await self.outside()
            one = await self.guest(ONE, gateway="10.7.0.1")
            two = await self.guest(TWO, gateway="10.7.0.1")
            there = await self.socket(outside)
            here = {guest: await self.socket(guest) for guest in (one, two)}
            for guest in (one, two):
                self.assertEqual(
                    await self.passes(here[guest], there, "198.51.100.2"), "198.51.100.1"
                )

            def answered() -> list[bytes]:
                for guest in (one, two):
                    here[guest].sendto(guest.port.uuid.encode(), ("198.51.100.2", 9999))
                for _ in range(2):
                    word, origin = there.recvfrom(100)
                    there.sendto(b"for " + word, origin)
                return [here[guest].recv(100) for guest in (one, two)]

            self.assertEqual(await deferred_in_thread(answered), [b"for uuid-1", b"for uuid-2"])

        return run_test(check)

    def test_nobody_else(self) -> Deferred[None]:
        """The outside does not reach guests, nor do they reach the node or another network."""

        async def check() -> None:
            other = NetworkPlan("net-3", "gtbr3", subnet="10.8.0.0/24", gateway="10.8.0.1")
            await self.begin(NET1, other)
            outside = await self.outside()
            one = await self.guest(ONE, gateway="10.7.0.1")
            three = await self.guest(
                evolve(TWO, network="net-3", ips=("10.8.0.9",)), gateway="10.8.0.1"
            )
            await outside.ip("route add 10.0.0.0/8 via 198.51.100.1")
            at_one, at_three = await self.socket(one), await self.socket(three)
            there = await self.socket(outside)
            self.assertIsNone(await self.passes(there, at_one, "10.7.0.9"))
            self.assertIsNone(await self.passes(at_one, at_three, "10.8.0.9"))
            node = FakeGuest(self.node, ONE, None)  # type: ignore[arg-type]
            at_node = await self.socket(node)
            for address in ("10.7.0.1", "10.8.0.1", "198.51.100.1"):
                self.assertIsNone(await self.passes(at_one, at_node, address), address)
            await self.network.connect(evolve(other, routers=("net-1",)))
            self.assertEqual(await self.passes(at_one, at_three, "10.8.0.9"), "10.7.0.9")
            self.assertEqual(await self.passes(at_three, at_one, "10.7.0.9"), "10.8.0.9")

        return run_test(check)

    def test_one_bridge(self) -> Deferred[None]:
        """Of two networks on one bridge neither reaches the other, directly or by the node."""

        async def check() -> None:
            other = NetworkPlan("net-3", "gtbr1", subnet="10.8.0.0/24", gateway="10.8.0.1")
            await self.begin(NET1, other)
            one = await self.guest(ONE, gateway="10.7.0.1")
            neighbour = evolve(ONE, uuid="uuid-4", mac="fa:16:3e:00:00:04", ips=("10.7.0.8",),
                               host_name="four")  # fmt: skip
            four = await self.guest(neighbour, gateway="10.7.0.1")
            three = await self.guest(
                evolve(TWO, network="net-3", ips=("10.8.0.9",)), gateway="10.8.0.1"
            )
            at_one, at_three, at_four = [await self.socket(each) for each in (one, three, four)]
            self.assertEqual(await self.passes(at_four, at_one, "10.7.0.9"), "10.7.0.8")
            self.assertIsNone(await self.passes(at_one, at_three, "10.8.0.9"))
            await one.ip("route add 10.8.0.0/24 dev eth0")
            await three.ip("route add 10.7.0.0/24 dev eth0")
            self.assertIsNone(await self.passes(at_one, at_three, "10.8.0.9"))
            self.assertIsNone(await self.passes(at_three, at_one, "10.7.0.9"))

        return run_test(check)

    def test_floating(self) -> Deferred[None]:
        """A public address leads to the guest and is what it is seen as; also for other tenants."""

        async def check() -> None:
            await self.begin(NET1, NET2)
            outside = await self.outside()
            public = evolve(ONE, floating=(FloatingAddress("198.51.100.50", "10.7.0.9"),))
            one = await self.guest(public, gateway="10.7.0.1")
            two = await self.guest(TWO, gateway="10.7.0.1")
            at_one, at_two = await self.socket(one), await self.socket(two)
            there = await self.socket(outside)
            self.assertEqual(await self.passes(there, at_one, "198.51.100.50"), "198.51.100.2")
            self.assertEqual(await self.passes(at_one, there, "198.51.100.2"), "198.51.100.50")
            self.assertEqual(await self.passes(at_two, there, "198.51.100.2"), "198.51.100.1")
            self.assertIsNotNone(await self.passes(at_two, at_one, "198.51.100.50"))
            await self.network.update("one", (ONE,), None)
            self.assertIsNone(await self.passes(there, at_one, "198.51.100.50"))

        return run_test(check)

    def test_floating_routed(self) -> Deferred[None]:
        """A public address that the guest has itself is routed to it, untranslated."""

        async def check() -> None:
            await self.begin(evolve(NET1, open_inwards=True))
            outside = await self.outside()
            one = await self.guest(
                evolve(ONE, floating=(FloatingAddress("198.51.100.51"),)), gateway="10.7.0.1"
            )
            await one.ip("address add 198.51.100.51/32 dev lo")
            at_one = await self.socket(one, "198.51.100.51")
            there = await self.socket(outside)
            self.assertEqual(await self.passes(there, at_one, "198.51.100.51"), "198.51.100.2")
            self.assertEqual(await self.passes(at_one, there, "198.51.100.2"), "198.51.100.51")

        return run_test(check)

    def test_ipv6(self) -> Deferred[None]:
        """IPv6 is routed untranslated; the outside begins nothing unless the network is open."""

        async def check() -> None:
            network = evolve(NET1, subnet6="fd00:7::/64", gateway6="fd00:7::1", managed6=True)
            await self.begin(network)
            outside = await self.outside()
            await self.ip("address add fd00:ff::1/64 dev up0 nodad")
            await outside.ip("address add fd00:ff::2/64 dev eth0 nodad",
                             "route add fd00:7::/64 via fd00:ff::1")  # fmt: skip
            port = evolve(ONE, ips=("10.7.0.9", "fd00:7::9"), rules=(
                SecurityRule("in", "ipv6", "icmpv6"), SecurityRule("out", "ipv6")))  # fmt: skip
            one = await self.guest(port)
            await one.ip("address add fd00:7::9/64 dev eth0 nodad",
                         "route replace default via fd00:7::1")  # fmt: skip
            ping = ("busybox", "ping", "-6", "-c", "3", "-W", "1")
            self.assertNotIn(" 0 packets received", await one.says(*ping, "fd00:ff::2"))
            refused = Deferred.fromCoroutine(outside.says(*ping, "fd00:7::9"))
            await self.assertFailure(refused, ProgramFailed)
            await self.network.connect(evolve(network, open_inwards=True))
            self.assertNotIn(" 0 packets received", await outside.says(*ping, "fd00:7::9"))
            await self.network.update("one", (evolve(port, rules=()),), None)
            refused = Deferred.fromCoroutine(outside.says(*ping, "fd00:7::9"))
            await self.assertFailure(refused, ProgramFailed)

        return run_test(check)

    def test_routed_mode(self) -> Deferred[None]:
        """Guests on taps of their own reach each other and the outside by the node's routing."""

        async def check() -> None:
            network = NetworkPlan(
                "pub", "77", "routed", subnet="203.0.113.0/24", gateway="203.0.113.1",
                masquerade=False, open_inwards=True,
                subnet6="fd00:77::/64", gateway6="fd00:77::1", managed6=True,
            )  # fmt: skip
            await self.begin(network)
            outside = await self.outside()
            await outside.ip("route add 203.0.113.0/24 via 198.51.100.1")
            await self.ip("route add default via 198.51.100.2 table 77")
            ports = [
                PortPlan(f"uuid-{number}", f"fa:16:3e:00:01:0{number}",
                         (f"203.0.113.{number}", f"fd00:77::{number}"),
                         "pub", "routed", host_name=f"r{number}") for number in (5, 6)
            ]  # fmt: skip
            five, six = [await self.guest(port, told("five")) for port in ports]
            for guest in (five, six):
                await guest.ip("route add default via 203.0.113.1")
            at_five, at_six, there = [await self.socket(each) for each in (five, six, outside)]
            self.assertEqual(await self.passes(at_five, at_six, "203.0.113.6"), "203.0.113.5")
            self.assertEqual(await self.passes(at_six, there, "198.51.100.2"), "203.0.113.6")
            self.assertEqual(await self.passes(there, at_five, "203.0.113.5"), "198.51.100.2")
            await five.ip("address add 203.0.113.66/32 dev lo")
            at_five.close()
            spoofed = await self.socket(five, "203.0.113.66")
            self.assertIsNone(await self.passes(spoofed, there, "198.51.100.2"))
            said = await five.says(*FETCH, f"{URL}/latest/meta-data/hostname")
            self.assertEqual(said, "five")
            for number, guest in ((5, five), (6, six)):
                await guest.ip(f"address add fd00:77::{number}/128 dev eth0 nodad",
                               "link set eth0 down", "link set eth0 up",
                               f"address replace fd00:77::{number}/128 dev eth0 nodad")  # fmt: skip
            for _ in range(50):
                if all(["default" in await each.says("ip", "-6", "route") for each in (five, six)]):
                    break
                await deferLater(reactor, 0.2)
            ping = ("busybox", "ping", "-6", "-c", "5", "-W", "1", "fd00:77::6")
            self.assertNotIn(" 0 packets received", await five.says(*ping))

        return run_test(check)


async def deferred_in_thread(work: Callable[[], Any]) -> Any:
    from twisted.internet.threads import deferToThread

    return await deferToThread(work)
