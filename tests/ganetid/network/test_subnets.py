"""Networks of several subnets of any size: what guests are told, and routers in them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.network.names import gateway_mac
from ganetid.network.ports import NetworkPlan, PortPlan, SubnetPlan
from ganetid.network.state import Place
from ganetid.network.wire.answers import NodeTells, lease_of, unasked_advertisement
from tests.ganetid.cluster import Client
from tests.ganetid.network.cluster_lab import WiredTestCase
from tests.ganetid.network.lab import FakeGuest

FOUR = [
    {"cidr": "10.1.0.0/24", "gateway": "10.1.0.1"},
    {"cidr": "10.2.0.0/28", "gateway": "10.2.0.1", "dns": ["192.0.2.2"],
     "host_routes": [{"destination": "192.0.2.0/24", "gateway": "10.2.0.3"}]},
]  # fmt: skip
SIX = [
    {"cidr": "fd00:1::/64", "gateway": "fd00:1::1"},
    {"cidr": "fd00:2::/64", "managed_ipv6": True},
]


class ToldTests(SynchronousTestCase):
    """What the node answers, by the NIC's address."""

    network = NetworkPlan(
        "n", "br", subnet="10.1.0.0/24", gateway="10.1.0.1", node_gateway=False,
        subnet6="fd00:1::/64", gateway6="fd00:1::1",
        more=(
            SubnetPlan("10.0.0.0/8"), SubnetPlan("192.0.2.7/32", "192.0.2.7", dns=("192.0.2.1",)),
            SubnetPlan("192.168.0.0/16", dhcp=False), SubnetPlan("fd00:2::/64", managed=True),
            SubnetPlan("fd00:3::/64", dhcp=False),
        ),
    )  # fmt: skip

    def place(self, *ips: str) -> Place:
        port = PortPlan("uuid", "fa:16:3e:00:00:01", ips, "n")
        return Place("tap", 1, port, self.network, 1, 1, "br", "02:00:00:00:00:01", False)

    def test_leases(self) -> None:
        """Mask, router and servers are of the address's own subnet."""
        tells = NodeTells(dns=("192.0.2.53",))
        for address, expected in (
            ("10.1.0.9", ("10.1.0.0/24", "10.1.0.1", ("192.0.2.53",))),
            ("10.9.0.9", ("10.0.0.0/8", None, ("192.0.2.53",))),
            ("192.0.2.7", ("192.0.2.7/32", "192.0.2.7", ("192.0.2.1",))),
        ):
            lease = lease_of(self.place(address), tells)
            assert lease is not None
            self.assertEqual((lease.subnet, lease.router, lease.dns), expected)
        for address in ("192.168.0.9", "172.16.0.1"):
            self.assertIsNone(lease_of(self.place(address), tells))

    def test_prefixes(self) -> None:
        """All prefixes are advertised but those that nobody is to be told of."""
        frame = unasked_advertisement(self.place(), NodeTells()) or b""
        for number, there in ((1, True), (2, True), (3, False)):
            self.assertEqual(bytes.fromhex(f"fd00000{number}" + "0" * 24) in frame, there, number)

    def test_own_addresses(self) -> None:
        """A guest makes addresses in prefixes that are not managed."""
        self.assertEqual(self.place("fd00:2::5").addresses6, (
            "fd00:2::5", "fe80::f816:3eff:fe00:1", "fd00:1::f816:3eff:fe00:1",
            "fd00:3::f816:3eff:fe00:1",
        ))  # fmt: skip


class SubnetTests(WiredTestCase):
    """By the remote API, with real packets."""

    async def make(self, client: Client, name: str, *subnets: Any) -> None:
        options = {"node_gateway": False, "subnets": list(subnets)}
        wish = {"network_name": name, "options": options}
        await self.done(client, "POST", "/2/networks", wish)
        place = {"group_name": "default", "network_mode": "bridged", "network_link": f"gt{name}"}
        await self.done(client, "PUT", f"/2/networks/{name}/connect", place)

    async def put(self, client: Client, *subnets: Any) -> tuple[Any, ...]:
        return (client, "PUT", "/2/networks/net/options", {"options": {"subnets": list(subnets)}})

    async def bound(self, guest: FakeGuest) -> list[str]:
        """What a real DHCP client is told."""
        if shutil.which("busybox") is None:
            raise SkipTest("there is no busybox for its clients")
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        script = directory / "bound"
        script.write_text("#!/bin/sh\n[ $1 != bound ] || env\n")
        script.chmod(0o755)
        await guest.ip("address flush dev eth0")
        said = await guest.says("busybox", "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "5",
                                "-T", "1", "-s", str(script))  # fmt: skip
        return said.splitlines()

    async def pings(self, guest: FakeGuest, address: str) -> bool:
        six = "-6" if ":" in address else "-4"
        for _ in range(15):
            said = await guest.says(
                "sh", "-c", f"busybox ping {six} -c1 -W1 {address} 2>&1 || true"
            )
            if "1 packets received" in said:
                return True
            await deferLater(reactor, 0.2)
        return False

    def test_several(self) -> Deferred[None]:
        """Guests are of one subnet each; subnets come and go while nobody is in them."""

        async def check(client: Client) -> None:
            await self.make(client, "net", *FOUR, *SIX)
            one = await self.instance(client, "one", {"network": "net", "ip": "pool"})
            port = {"ips": ["fd00:2::9"]}
            two = await self.instance(
                client, "two", {"network": "net", "ip": "10.2.0.5", "port": port}
            )
            self.assertEqual(one.port.ips, ("10.1.0.2",))
            told = await self.bound(one)
            self.assertIn("subnet=255.255.255.0", told)
            self.assertIn("router=10.1.0.1", told)
            told = await self.bound(two)
            for line in ("ip=10.2.0.5", "subnet=255.255.255.240", "router=10.2.0.1",
                         "dns=192.0.2.2"):  # fmt: skip
                self.assertIn(line, told)
            problem = await self.refused(*await self.put(client, FOUR[0], *SIX))
            self.assertIn("10.2.0.5 is in use by", problem)
            for bad, words in (
                ({"cidr": "10.1.0.128/25"}, "overlaps"),
                ({"cidr": "10.5.0.1/24"}, "host bits"),
                ({"cidr": "10.5.0.0/24", "gateway": "10.6.0.1"}, "is not in"),
                ({"cidr": "10.5.0.0/24", "dns": ["fd00::1"]}, "no IPv4"),
            ):
                problem = await self.refused(*await self.put(client, *FOUR, *SIX, bad))
                self.assertIn(words, problem)
            large = {"cidr": "11.0.0.0/8"}
            await self.done(*await self.put(client, *FOUR, *SIX, large, {"cidr": "12.0.0.1/32"}))
            for address in ("11.200.0.1", "12.0.0.1"):
                name = f"at-{address.replace('.', '-')}"
                await self.instance(client, name, {"network": "net", "ip": address})
            wrong = {"nics": [["modify", 0, {"ip": "10.1.0.1"}]]}  # the gateway
            problem = await self.refused(client, "PUT", "/2/instances/two/modify", wrong)
            self.assertIn("already in use or does not belong", problem)
            await self.done(client, "DELETE", "/2/instances/at-12-0-0-1")
            await self.done(*await self.put(client, *FOUR, *SIX, large))
            _, shown = await client.call("GET", "/2/networks/net")
            self.assertEqual((shown["network"], shown["map"]), (None, ""))

        return self.run_test(check)

    def test_routers(self) -> Deferred[None]:
        """
        One router joins two subnets of a network; another one in the same network is the way out
        of its IPv6 alone.  Each has a MAC address of its own.
        """

        async def check(client: Client) -> None:
            await self.make(client, "net", *FOUR, SIX[0])
            await self.make(client, "far", {"cidr": "fd00:9::/64", "gateway": "fd00:9::1"})
            inside = {"network": "net", "ips": ["10.1.0.1", "10.2.0.1"]}
            await self.done(client, "POST", "/2/routers", {"name": "four", "interfaces": [inside]})
            ways = [{"network": "net", "ips": ["fd00:1::1"]},
                    {"network": "far", "ips": ["fd00:9::1"]}]  # fmt: skip
            await self.done(client, "POST", "/2/routers", {"name": "six", "interfaces": ways})
            one = await self.instance(
                client, "one", {"network": "net", "ip": "pool", "port": {"ips": ["fd00:1::9"]}}
            )
            two = await self.instance(client, "two", {"network": "net", "ip": "10.2.0.5"})
            far = await self.instance(client, "far", {"network": "far", "ip": "fd00:9::9"})
            await one.ip("route add default via 10.1.0.1")
            await two.ip("address flush dev eth0", "address add 10.2.0.5/28 dev eth0",
                         "route add default via 10.2.0.1")  # fmt: skip
            await far.ip("route add default via fd00:9::1")
            await one.ip("route add fd00:9::/64 via fd00:1::1")
            self.assertTrue(await self.pings(one, "10.2.0.5"))
            self.assertTrue(await self.pings(one, "fd00:9::9"))
            said = await one.says("ip", "neighbour")
            macs = {line.split()[0]: line.split()[4] for line in said.splitlines()
                    if "lladdr" in line}  # fmt: skip
            self.assertEqual(macs["fd00:1::1"], gateway_mac("net", None))
            self.assertNotEqual(macs["10.1.0.1"], macs["fd00:1::1"])

        return self.run_test(check)
