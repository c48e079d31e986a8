"""Ganeti's own parameters of networks and NICs by the remote API, on real bridges and taps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.network.names import tap_name
from ganetid.network.ports import PortPlan
from ganetid.node.programs import run
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.network.cluster_lab import CLUSTER, WiredTestCase
from tests.ganetid.network.lab import FakeGuest, udp_socket

SCRIPT = '#!/bin/sh\necho "$ACTION in $0" >> {log}; env | sort >> {log}\n[ ! -e {log}.refuse ]\n'


class ModesTests(WiredTestCase):
    """Modes, VLANs, addresses, names, scripts."""

    async def nic(self, client: Client, name: str) -> dict[str, Any]:
        _, (nic, *_) = await client.call("GET", f"/2/instances/{name}/nics")
        return dict(nic)

    def test_routed_and_vlan(self) -> Deferred[None]:
        """NICs take mode, link and VLAN of their network's place; routed ones have a route."""

        async def check(client: Client) -> None:
            await self.network(client, "pub", "77", network="203.0.113.0/24", mode="routed")
            await self.network(client, "tagged", "gtbr1", network="10.7.0.0/24", vlan=".10")
            await self.instance(client, "far", {"network": "pub", "ip": "pool"})
            await self.instance(client, "near", {"network": "tagged", "ip": "pool"})
            await self.instance(client, "trunk", {"network": "tagged", "vlan": ".10:20:30"})
            for name, expected in (
                ("far", ["routed", "77", ""]),
                ("near", ["bridged", "gtbr1", ".10"]),
                ("trunk", ["bridged", "gtbr1", ".10:20:30"]),
            ):
                _, shown = await client.call("GET", f"/2/instances/{name}")
                (custom,) = shown["custom_nicparams"]
                self.assertEqual([custom[key] for key in ("mode", "link", "vlan")], expected)
            said = await run(reactor, ["ip", "-netns", self.node, "route", "show", "table", "all"])
            tap = tap_name(CLUSTER, (await self.nic(client, "far"))["uuid"])
            self.assertIn(f"203.0.113.1 dev {tap}", said.output)
            change = {"nics": [["modify", 0, {"vlan": ".11"}]], "hotplug": True}
            job = await client.job("PUT", "/2/instances/near/modify", change)
            self.assertEqual(job["status"], "success", job)
            self.assertIn(["nic.vlan/0", ".11"], job["opresult"][0])
            problem = await self.refused(client, "PUT", "/2/instances/near/modify",
                                         {"nics": [["modify", 0, {"vlan": ".5000"}]]})  # fmt: skip
            self.assertIn("'.5000' is no VLAN", problem)
            place = {"group_name": "default", "network_mode": "bridged", "network_link": "gtbr9",
                     "network_vlan": ":x"}  # fmt: skip
            problem = await self.refused(client, "PUT", "/2/networks/pub/connect", place)
            self.assertIn("Invalid network VLAN", problem)

        return self.run_test(check)

    def test_conflicts(self) -> Deferred[None]:
        """conflicts_check keeps NICs from addresses of others; without it they may have them."""

        async def check(client: Client) -> None:
            wish = {"network_name": "net", "network": "10.7.0.0/29", "gateway": "10.7.0.1",
                    "add_reserved_ips": ["10.7.0.2"]}  # fmt: skip
            await self.done(client, "POST", "/2/networks", wish)
            place = {"group_name": "default", "network_mode": "bridged", "network_link": "gtbr1"}
            await self.done(client, "PUT", "/2/networks/net/connect", place)
            outside = {"mode": "bridged", "link": "gtbr1", "ip": "10.7.0.3"}
            reserved = {"network": "net", "ip": "10.7.0.2"}
            bare = {"disk_template": "diskless", "disks": [], "osparams_private": {}}
            for nic, words in (
                (outside, "belongs to network net, but the target NIC does not"),
                (reserved, "already in use or does not belong to network net"),
            ):
                body = create_body("one", nics=[nic], **bare)
                self.assertIn(words, await self.refused(client, "POST", "/2/instances", body))
            body = create_body("one", nics=[reserved], conflicts_check=False, **bare)
            await self.done(client, "POST", "/2/instances", body)
            change: dict[str, Any] = {"nics": [["add", -1, outside]]}
            problem = await self.refused(client, "PUT", "/2/instances/one/modify", change)
            self.assertIn("belongs to network net", problem)
            change["conflicts_check"] = False
            await self.done(client, "PUT", "/2/instances/one/modify", change)
            body = create_body("two", nics=[{"network": "net", "ip": "pool"}], **bare)
            await self.done(client, "POST", "/2/instances", body)
            self.assertEqual((await self.nic(client, "two"))["ip"], "10.7.0.3")
            change = {"remove_reserved_ips": ["10.7.0.2"], "add_reserved_ips": ["10.7.0.5"]}
            await self.done(client, "PUT", "/2/networks/net/modify", change)
            self.assertEqual((await client.call("GET", "/2/networks/net"))[1]["map"], "XXXX.X.X")
            for name in ("one", "two"):
                await self.done(client, "DELETE", f"/2/instances/{name}")
            self.assertEqual((await client.call("GET", "/2/networks/net"))[1]["map"], "XX...X.X")

        return self.run_test(check)

    def test_rename(self) -> Deferred[None]:
        """A network under another name is the same: connected, on its bridge, in its place."""

        async def check(client: Client) -> None:
            await self.network(client, "old", "gtbr1", network="10.7.0.0/24", gateway="10.7.0.1")
            _, before = await client.call("GET", "/2/networks/old")
            await self.done(client, "PUT", "/2/networks/old/rename", {"new_name": "new"})
            self.assertEqual((await client.call("GET", "/2/networks/old"))[0], 404)
            _, after = await client.call("GET", "/2/networks/new")
            changing = ("name", "mtime", "serial_no")
            self.assertEqual(*[
                {key: value for key, value in each.items() if key not in changing}
                for each in (before, after)
            ])  # fmt: skip
            said = await run(reactor, ["ip", "-netns", self.node, "address", "show", "gtbr1"])
            self.assertIn("10.7.0.1/24", said.output)
            await self.instance(client, "one", {"network": "new", "ip": "pool"})
            problem = await self.refused(client, "PUT", "/2/networks/new/rename", {"new_name": "x"})
            self.assertIn("in use by: one", problem)

        return self.run_test(check)

    def test_six_alone(self) -> Deferred[None]:
        """A network may have IPv6 alone; its guests reach each other, and addresses are theirs."""

        async def check(client: Client) -> None:
            facts = {"network6": "fd00:7::/64", "gateway6": "fd00:7::1"}
            await self.network(client, "six", "gtbr6", options={"managed_ipv6": True}, **facts)
            await self.network(client, "slaac", "gtbr7", network6="fd00:8::/64")
            for method, path, body in (
                ("POST", "/2/networks", {"network_name": "none"}),
                ("POST", "/2/networks", {"network_name": "n", "gateway": "10.0.0.1", **facts}),
                ("PUT", "/2/networks/six/modify", {"add_reserved_ips": ["10.0.0.1"]}),
            ):
                await self.refused(client, method, path, body)
            one, two = [
                await self.instance(client, name, {"network": "six", "ip": "pool"})
                for name in ("one", "two")
            ]
            self.assertEqual((one.port.ips, two.port.ips), (("fd00:7::10",), ("fd00:7::11",)))
            for _ in range(20):
                said = await one.says("sh", "-c", "busybox ping -6 -c1 -W1 fd00:7::11 || true")
                if "1 packets received" in said:
                    break
            self.assertIn("1 packets received", said)
            made = await self.instance(client, "made", {"network": "slaac", "ip": "pool"})
            self.assertRegex(made.port.ips[0], "^fd00:8::.*ff:fe")
            _, shown = await client.call("GET", "/2/networks/six")
            self.assertEqual(
                (shown["network"], shown["map"], shown["free_count"]), (None, "", None)
            )
            self.assertEqual(shown["inst_list"], ["one", "two"])
            change = {"nics": [["modify", 0, {"ip": "fd00:7::10"}]]}
            problem = await self.refused(client, "PUT", "/2/instances/two/modify", change)
            self.assertIn("already in use", problem)

        return self.run_test(check)

    def test_scripts(self) -> Deferred[None]:
        """Programs run for NICs that come and go, one of the mode first; one that fails counts."""
        scripts, log = self.directory / "scripts", self.directory / "log"

        async def check() -> None:
            for path in (scripts / "bridged" / "up", scripts / "up", scripts / "down"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(SCRIPT.format(log=log))
                path.chmod(0o755)
            client = await self.start(nic_scripts_dir=str(scripts))
            await self.network(client, "net", "gtbr1", network="10.7.0.0/24", gateway="10.7.0.1",
                               tags=["blue"])  # fmt: skip
            nic = {"network": "net", "ip": "pool", "name": "front", "vlan": ".7"}
            await self.instance(client, "one", nic)
            told = await self.nic(client, "one")
            expected = {
                "ACTION": "up", "INSTANCE": "one", "MAC": told["mac"], "MODE": "bridged",
                "INTERFACE": tap_name(CLUSTER, told["uuid"]), "INTERFACE_INDEX": "0",
                "INTERFACE_UUID": told["uuid"], "INTERFACE_NAME": "front", "TAGS": "a-tag",
                "IP": "10.7.0.2", "LINK": "gtbr1", "VLAN": ".7", "BRIDGE": "gtbr1",
                "NETWORK_NAME": "net", "NETWORK_SUBNET": "10.7.0.0/24",
                "NETWORK_GATEWAY": "10.7.0.1", "NETWORK_TAGS": "blue",
            }  # fmt: skip
            lines = log.read_text().splitlines()
            self.assertEqual(lines[0], f"up in {scripts}/bridged/up")
            said = dict(line.split("=", 1) for line in lines if "=" in line)
            self.assertEqual({key: said.get(key) for key in expected}, expected)
            log.write_text("")
            await self.done(client, "PUT", "/2/instances/one/shutdown")
            self.assertEqual(log.read_text().splitlines()[0], f"down in {scripts}/down")
            Path(f"{log}.refuse").touch()
            problem = await self.refused(client, "PUT", "/2/instances/one/startup")
            self.assertIn("The script for NIC", problem)
            listed = await run(reactor, ["ip", "-netns", self.node, "-json", "link"])
            names = [each["ifname"] for each in json.loads(listed.output)]
            self.assertNotIn(expected["INTERFACE"], names)

        return Deferred.fromCoroutine(check())


class PortTests(WiredTestCase):
    """What a NIC has beyond Ganeti's parameters."""

    def test_port(self) -> Deferred[None]:
        """Addresses, pairs, floating addresses and options hold at once, and over a restart."""

        async def check(client: Client) -> None:
            await self.network(client, "net", "gtbr1", network="10.7.0.0/24", gateway="10.7.0.1",
                               options={"mtu": 1400, "dns": ["192.0.2.9"], "domain": "example.org",
                                        "host_routes": [{"destination": "10.9.0.0/16",
                                                         "gateway": "10.7.0.9"}]})  # fmt: skip
            one, two = [
                await self.instance(client, name, {"network": "net", "ip": "pool"})
                for name in ("one", "two")
            ]
            port = "/2/instances/one/nics/0/port"
            await one.ip("address add 10.7.0.77/24 dev eth0", "address add 10.7.0.88/24 dev eth0")
            at_two = await self.socket(two)
            for wanted, address in (
                ({"ips": ["10.7.0.77"]}, "10.7.0.77"),
                ({"allowed_address_pairs": [{"cidr": "10.7.0.88/32"}]}, "10.7.0.88"),
            ):
                from_there = await self.bound(one, address)
                seen = await self.seen_as(from_there, at_two, str(two.port.ip), tries=1)
                self.assertIsNone(seen)
                await self.done(client, "PUT", port, {"port": wanted})
                self.assertEqual(await self.seen_as(from_there, at_two, str(two.port.ip)), address)
            await self.done(client, "PUT", port, {"port": {"allowed_address_pairs": []}})
            seen = await self.seen_as(from_there, at_two, str(two.port.ip), tries=1)
            self.assertIsNone(seen)
            await self.done(client, "PUT", port, {"port": {"port_security": False}})
            seen = await self.seen_as(from_there, at_two, str(two.port.ip))
            self.assertEqual(seen, "10.7.0.88")
            problem = await self.refused(client, "PUT", "/2/instances/two/nics/0/port",
                                         {"port": {"ips": ["10.7.0.77"]}})  # fmt: skip
            self.assertIn("port.ips[0]: IP address 10.7.0.77 already in use", problem)
            options = [{"number": 42, "value": "192.0.2.1 192.0.2.2"},
                       {"name": "bootfile-name", "value": "x"}]  # fmt: skip
            change = {"dhcp_options": options, "host_name": "other", "ips": None}
            await self.done(client, "PUT", port, {"port": change})
            await self.restart()
            lines = await self.dhcp(one)
            for line in ("hostname=other", "ntpsrv=192.0.2.1 192.0.2.2", "bootfile=x", "mtu=1400",
                         "dns=192.0.2.9", "domain=example.org"):  # fmt: skip
                self.assertIn(line, lines)
            self.assertIn("10.9.0.0/16 10.7.0.9", next(x for x in lines if "staticroutes" in x))

        return self.run_test(check)

    def test_floating(self) -> Deferred[None]:
        """A public address leads to its guest, translated or as the guest's own."""

        async def check(client: Client) -> None:
            await self.network(client, "net", "gtbr1", network="10.7.0.0/24", gateway="10.7.0.1",
                               options={"open_inwards": True})  # fmt: skip
            one = await self.instance(client, "one", {"network": "net", "ip": "pool"})
            await one.ip("route add default via 10.7.0.1", "address add 198.51.100.51/32 dev lo")
            outside = await self.outside()
            at_one, there = await self.socket(one), await self.socket(outside)
            public = [{"public": "198.51.100.50", "private": "10.7.0.2"},
                      {"public": "198.51.100.51"}]  # fmt: skip
            port = "/2/instances/one/nics/0/port"
            await self.done(client, "PUT", port, {"port": {"floating_ips": public}})
            for each in public:
                self.assertEqual(await self.seen_as(there, at_one, each["public"]), "198.51.100.2")
            self.assertEqual(await self.seen_as(at_one, there, "198.51.100.2"), "198.51.100.50")
            await self.instance(client, "two", {"network": "net", "ip": "pool"})
            problem = await self.refused(client, "PUT", "/2/instances/two/nics/0/port",
                                         {"port": {"floating_ips": public[1:]}})  # fmt: skip
            self.assertIn("floating_ips[0].public: 198.51.100.51 is in use", problem)
            change = {"nics": [["modify", 0, {"ip": "10.7.0.9"}]], "hotplug": True}
            await self.done(client, "PUT", "/2/instances/one/modify", change)
            _, left = await client.call("GET", port)
            self.assertEqual([each["public"] for each in left["floating_ips"]], ["198.51.100.51"])

        return self.run_test(check)

    async def outside(self) -> FakeGuest:
        """A machine beyond the node's interface up0."""
        namespace = f"{self.base}o"
        await run(reactor, ["ip", "netns", "add", namespace])
        lines = (f"link add up0 type veth peer name eth0 netns {namespace}",
                 "address add 198.51.100.1/24 dev up0", "link set up0 up")  # fmt: skip
        await run(reactor, ["ip", "-netns", self.node, "-batch", "-"], "\n".join(lines) + "\n")
        machine = FakeGuest(namespace, PortPlan("outside", ""), None)  # type: ignore[arg-type]
        await machine.ip("address add 198.51.100.2/24 dev eth0", "link set eth0 up")
        return machine

    async def bound(self, machine: Any, address: str) -> Any:
        made = await machine.inside(lambda: udp_socket(9990, address))
        self.addCleanup(made.close)
        return made

    async def dhcp(self, guest: Any) -> list[str]:
        """The lines of environment that a real client has once it is bound."""
        script = self.directory / "bound"
        script.write_text("#!/bin/sh\n[ $1 != bound ] || env\n")
        script.chmod(0o755)
        words = [
            each for name in ("mtu", "staticroutes", "ntpsrv", "bootfile") for each in ("-O", name)
        ]
        said = await guest.says("busybox", "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "5",
                                "-T", "1", *words, "-s", str(script))  # fmt: skip
        return list(said.splitlines())
