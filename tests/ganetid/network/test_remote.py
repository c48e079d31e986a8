"""Networks of a whole ganetid by its remote API, with real packets between its guests."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.node.programs import run
from tests.ganetid.cluster import Client
from tests.ganetid.network.cluster_lab import WiredTestCase

UDP = {"direction": "in", "protocol": "udp", "port_min": 9999}
OUT = {"direction": "out"}


class SecurityGroupTests(WiredTestCase):
    """Rules of many NICs."""

    async def start_three(self, client: Client) -> tuple[Any, Any, Any]:
        await self.network(client, "net", "gtbr1", network="10.7.0.0/24")
        group = {"name": "web", "rules": [OUT, {**UDP, "remote_group": "clients"}]}
        await self.done(client, "POST", "/2/security-groups", {"name": "clients", "rules": [OUT]})
        await self.done(client, "POST", "/2/security-groups", group)
        made = []
        for name, groups in (("server", ["web"]), ("friend", ["clients"]), ("other", None)):
            nic = {"network": "net", "ip": "pool", "port": {"security_groups": groups}}
            made.append(await self.instance(client, name, nic))
        return made[0], made[1], made[2]

    def test_members(self) -> Deferred[None]:
        """Who joins a group that a rule names gets in at once, who leaves it does not."""

        async def check(client: Client) -> None:
            server, friend, other = await self.start_three(client)
            at_server, at_other = await self.socket(server), await self.socket(other)
            at_friend = await self.socket(friend)
            address = str(server.port.ip)

            async def friend_gets_in() -> bool:
                return await self.seen_as(at_friend, at_server, address, 1) is not None

            async def other_gets_in() -> bool:
                return await self.seen_as(at_other, at_server, address, 1) is not None

            await self.until(friend_gets_in)
            self.assertFalse(await other_gets_in())
            before = await self.rules()
            await self.done(client, "PUT", "/2/instances/other/nics/0/port",
                            {"port": {"security_groups": ["clients"]}})  # fmt: skip
            await self.until(other_gets_in)
            self.assertEqual(
                self.chains_of(before, "web"), self.chains_of(await self.rules(), "web")
            )
            client = await self.restart()
            for path in ("/2/instances/other/nics/0/port", "/2/instances/friend"):
                self.assertEqual((await client.call("GET", path))[0], 200)
            other_socket = await self.socket(other, 9997)
            self.assertIsNotNone(await self.seen_as(other_socket, at_server, address))
            await self.done(client, "PUT", "/2/instances/other/nics/0/port",
                            {"port": {"security_groups": []}})  # fmt: skip
            late = await self.socket(other, 9996)

            async def late_is_out() -> bool:
                return await self.seen_as(late, at_server, address, 1) is None

            await self.until(late_is_out)
            problem = await self.refused(client, "DELETE", "/2/security-groups/clients")
            self.assertIn("in use by: friend, security group web", problem)

        return self.run_test(check)

    async def rules(self) -> str:
        inside = ["ip", "netns", "exec", self.node]
        return (await run(reactor, [*inside, "nft", "-a", "list", "ruleset"])).output

    def chains_of(self, ruleset: str, group: str) -> list[str]:
        """A group's rules with their numbers in the kernel."""
        lines = ruleset.splitlines()
        starts = [i for i, line in enumerate(lines) if f"chain group_in_{group}" in line]
        return [line for i in starts for line in lines[i : i + 4]]

    def test_wrong_bodies(self) -> Deferred[None]:
        """What can't be is refused at once, or by its job, and the field is named."""

        async def check(client: Client) -> None:
            await self.network(client, "net", "gtbr1", network="10.7.0.0/24", gateway="10.7.0.1")
            await self.instance(client, "one", {"network": "net", "ip": "pool"})
            port, options = "/2/instances/one/nics/0/port", "/2/networks/net/options"
            groups, routers = "/2/security-groups", "/2/routers"
            for method, path, body, words in (
                ("PUT", port, {"mtu": "many"}, "port.mtu: Expected `int | null`, got `str`"),
                ("PUT", port, {"colour": 1}, "port.colour: there is no such field"),
                ("PUT", port, {"allowed_address_pairs": [{"cidr": "x"}]},
                 "port.allowed_address_pairs[0].cidr"),
                ("PUT", port, {"allowed_address_pairs": [{}]}, "port.allowed_address_pairs[0]"),
                ("PUT", port, {"security_groups": ["none"]}, "port.security_groups[0]"),
                ("PUT", port, {"ips": ["10.8.0.1"]}, "port.ips[0]"),
                ("PUT", port, {"ips": ["fd00::1%} ; flush ruleset"]}, "port.ips[0]"),
                ("PUT", port, {"allowed_address_pairs": [{"cidr": "fd00::%\nx/64"}]},
                 "port.allowed_address_pairs[0].cidr"),
                ("POST", "/2/networks", {"network_name": "n", "network6": "fd00::%\nx/64"},
                 "OP_NETWORK_ADD.network6"),
                ("POST", "/2/networks", {"network_name": "n", "network6": "fd00::/64",
                                         "gateway6": "fd00::1%x"}, "OP_NETWORK_ADD.gateway6"),
                ("PUT", "/2/instances/one/modify",
                 {"nics": [["add", -1, {"ip": "fe80::1%\nflush ruleset"}]]},
                 "Invalid IP address"),
                ("PUT", "/2/instances/one/modify",
                 {"nics": [["add", -1, {"link": "br0\nlink delete dev up0"}]]}, "Invalid link"),
                ("POST", groups, {"name": "g", "rules": [
                    {**UDP, "ethertype": "ipv6", "remote": "fd00::%} x/64"}]}, "rules[0].remote"),
                ("PUT", options, {"host_routes": [{"destination": "fd00::%x/64",
                                                   "gateway": "fd00::1"}]},
                 "options.host_routes[0].destination"),
                ("PUT", options, {"dns": ["fd00::1%x"]}, "options.dns[0]"),
                ("PUT", port, {"dhcp_options": [{"number": 53, "value": "1"}]},
                 "port.dhcp_options[0]"),
                ("PUT", port, {"dhcp_options": [{"name": "colour", "value": "1"}]},
                 "port.dhcp_options[0]: 'colour' is no DHCPv4 option's name"),
                ("PUT", port, {"dhcp_options": [{"name": "mtu", "value": "9", "ip_version": 6}]},
                 "port.dhcp_options[0]: 'mtu' is no DHCPv6 option's name"),
                ("PUT", port, {"dhcp_options": [{"name": "mtu", "value": "9", "ip_version": 5}]},
                 "port.dhcp_options[0]"),
                ("PUT", port, {"dhcp_options": [{"name": "bootfile-name", "value": "a"},
                                                {"number": 67, "value": "b"}]},
                 "port.dhcp_options[1]: the option is there twice"),
                ("PUT", port, {"floating_ips": [{"public": "1.2.3.4", "private": "9.9.9.9"}]},
                 "port.floating_ips[0].private"),
                ("PUT", options, {"mtu": 5}, "options.mtu"),
                ("PUT", options, {"host_routes": [{"destination": "10.1.0.1/24", "gateway": "x"}]},
                 "options.host_routes[0].destination"),
                ("POST", groups, {"name": "g", "rules": [{"direction": "up"}]},
                 "rules[0].direction"),
                ("POST", groups, {"name": "g", "rules": [{**UDP, "port_min": 70000}]},
                 "rules[0].port_min"),
                ("POST", groups, {"name": "g", "rules": [{**UDP, "protocol": "x"}]},
                 "rules[0].protocol"),
                ("POST", groups, {"name": "g", "rules": [{**UDP, "remote": "::/0"}]},
                 "rules[0].remote"),
                ("POST", groups, {"name": "g", "rules": [{**UDP, "remote_group": "no"}]},
                 "rules[0].remote_group"),
                ("POST", routers, {"name": "r", "interfaces": [{"network": "net", "ips": [1]}]},
                 "interfaces[0].ips[0]: Expected `str`, got `int`"),
                ("POST", routers, {"name": "r", "interfaces": [{"network": "no", "ips": ["::1"]}]},
                 "interfaces[0].network"),
                ("POST", routers,
                 {"name": "r", "interfaces": [{"network": "net", "ips": ["10.7.0.1"]}]},
                 "interfaces[0].ips[0]: nodes themselves have 10.7.0.1"),
                ("POST", routers,
                 {"name": "r", "interfaces": [{"network": "net", "ips": ["10.7.0.2"]}]},
                 "interfaces[0].ips[0]: 10.7.0.2 is in use by one"),
                ("POST", routers, {"name": "r", "floating_ips": [{"public": "1.1.1.1"}]},
                 "floating_ips[0]"),
                ("POST", routers, {"name": "r", "routes": [{"destination": "10.0.0.0/8",
                                                            "gateway": "10.9.9.9"}]},
                 "routes[0].gateway"),
            ):  # fmt: skip
                field = {port: "port", options: "options"}.get(path)
                whole: Any = body if field is None else {field: body}
                self.assertIn(words, await self.refused(client, method, path, whole))
            _, port_now = await client.call("GET", port)
            self.assertEqual(port_now["security_groups"], None)
            self.assertEqual((await client.call("GET", routers))[1], [])

        return self.run_test(check)


class RouterTests(WiredTestCase):
    """Routers by the remote API."""

    def test_router(self) -> Deferred[None]:
        """Made, changed and removed; its addresses are nobody else's; it survives a restart."""

        async def check(client: Client) -> None:
            behind = {"node_gateway": False}
            for letter, number in (("a", 1), ("b", 2)):
                await self.network(client, letter, f"gtbr{letter}", network=f"10.{number}.0.0/24",
                                   gateway=f"10.{number}.0.1", options=behind)  # fmt: skip
            await self.network(client, "out", "gtbrx", network="198.51.100.0/24",
                               gateway="198.51.100.1")  # fmt: skip
            wish = {
                "name": "r",
                "interfaces": [{"network": "a", "ips": ["10.1.0.1"]},
                               {"network": "b", "ips": ["10.2.0.1"]}],
                "external": {"network": "out", "ips": ["198.51.100.2"]},
            }  # fmt: skip
            self.assertEqual(await self.done(client, "POST", "/2/routers", wish), "node1")
            nics = [{"network": letter, "ip": "pool"} for letter in ("a", "b", "out")]
            one, two, far = [
                await self.instance(client, f"in-{nic['network']}", nic) for nic in nics
            ]
            self.assertEqual(far.port.ip, "198.51.100.3")
            for guest, number in ((one, 1), (two, 2)):
                await guest.ip(f"route add default via 10.{number}.0.1")
            at_one, at_two, at_far = [await self.socket(each) for each in (one, two, far)]
            self.assertEqual(await self.seen_as(at_one, at_two, "10.2.0.2"), "10.1.0.2")
            self.assertEqual(await self.seen_as(at_one, at_far, "198.51.100.3"), "198.51.100.2")
            public = {"floating_ips": [{"public": "198.51.100.9", "private": "10.1.0.2"}]}
            await self.done(client, "PUT", "/2/routers/r/modify", public)
            fresh = await self.socket(one, 9998)
            self.assertEqual(await self.seen_as(fresh, at_far, "198.51.100.3"), "198.51.100.9")
            for path in ("/2/networks/a", "/2/networks/out/disconnect"):
                method, body = ("DELETE", None) if path.endswith("a") else (
                    "PUT", {"group_name": "default"})  # fmt: skip
                await self.refused(client, method, path, body)
            client = await self.restart()
            self.assertEqual(await self.seen_as(at_one, at_two, "10.2.0.2"), "10.1.0.2")
            _, shown = await client.call("GET", "/2/routers/r")
            self.assertEqual((shown["node"], shown["serial_no"]), ("node1", 2))
            _, network = await client.call("GET", "/2/networks/out")
            self.assertEqual(network["map"][:12], "XXXX.....X..")
            await self.done(client, "DELETE", "/2/routers/r")
            self.assertIsNone(await self.seen_as(at_one, at_two, "10.2.0.2", tries=1))
            self.assertEqual((await client.call("GET", "/2/routers/r"))[0], 404)

        return self.run_test(check)
