"""Routers: between networks, to the outside, by public addresses; apart from other tenants'."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from ganetid.network.names import gateway_mac, router_mac
from ganetid.network.ports import (
    FloatingAddress,
    NetworkPlan,
    PortPlan,
    RouterPlan,
    RouterPort,
    Vxlan,
)
from ganetid.node.programs import run
from ganetid.opcodes.errors import OpExecError
from tests.ganetid.network.lab import FakeGuest, NetworkTestCase, passes, run_test
from tests.ganetid.network.lab import udp_socket as udp

PUBLIC = NetworkPlan(
    "public", "gtbrx", subnet="198.51.100.0/24", gateway="198.51.100.2", node_gateway=False,
    uplink="up0",
)  # fmt: skip
FAR = "198.51.100.2"


def networks_of(tenant: str) -> tuple[NetworkPlan, NetworkPlan]:
    """Two networks of a tenant; the same addresses for every tenant."""
    return (
        NetworkPlan(f"{tenant}-a", f"gt{tenant}a", subnet="10.1.0.0/24", gateway="10.1.0.1",
                    subnet6="fd00:a::/64", gateway6="fd00:a::1", node_gateway=False),
        NetworkPlan(f"{tenant}-b", f"gt{tenant}b", subnet="10.2.0.0/24", gateway="10.2.0.1",
                    subnet6="fd00:b::/64", gateway6="fd00:b::1", node_gateway=False),
    )  # fmt: skip


def router_of(tenant: str, number: int, **changes: Any) -> RouterPlan:
    """Joins a tenant's networks with each other and with the public one, as 198.51.100.<number>."""
    uuid = f"00000000-0000-0000-0000-0000000000{number}"
    mac = router_mac(uuid, "public", None)
    ways = [
        RouterPort(f"{tenant}-{letter}", gateway_mac(f"{tenant}-{letter}", None),
                   (f"10.{index}.0.1/24", f"fd00:{letter}::1/64"))
        for index, letter in ((1, "a"), (2, "b"))
    ]  # fmt: skip
    return evolve(
        RouterPlan(
            f"router-{tenant}", uuid, tuple(ways),
            RouterPort("public", mac, (f"198.51.100.{number}/24",)), (FAR,),
            f"198.51.100.{number}",
        ),
        **changes,
    )  # fmt: skip


def without_numbers(facts: list[Any]) -> set[Any]:
    """Names, MAC addresses and addresses of links; routes as they are."""
    return {
        each
        if isinstance(each, str)
        else (each["ifname"], each["address"], *(one["local"] for one in each["addr_info"]))
        for each in facts
    }


class RoutersTestCase(NetworkTestCase):
    """A node with tenants' networks, and a machine outside."""

    async def start(self, *tenants: str) -> FakeGuest:
        """The node with these tenants' networks; a machine outside."""
        await self.network.begin(frozenset())
        namespace = self.new_namespace()
        await run(reactor, ["ip", "netns", "add", namespace])
        await self.ip(f"link add up0 type veth peer name eth0 netns {namespace}")
        for network in (PUBLIC, *(each for name in tenants for each in networks_of(name))):
            await self.network.connect(network)
        outside = FakeGuest(namespace, PortPlan("outside", ""), None)  # type: ignore[arg-type]
        await outside.ip("link set lo up", f"address add {FAR}/24 dev eth0", "link set eth0 up")
        return outside

    async def member(self, tenant: str, place: str, number: int = 9, **changes: Any) -> FakeGuest:
        """A guest 10.x.0.<number> with a router as its way out."""
        index = 1 if place == "a" else 2
        name = f"{tenant}{place}{number}"
        mac = f"fa:16:3e:{ord(tenant[0]):02x}:0{index}:{number:02x}"
        port = PortPlan(f"uuid-{name}", mac, (f"10.{index}.0.{number}",), f"{tenant}-{place}",
                        host_name=name)  # fmt: skip
        return await self.guest(evolve(port, **changes), gateway=f"10.{index}.0.1")

    async def socket(self, machine: FakeGuest, address: str = "0.0.0.0") -> Any:
        made = await machine.inside(lambda: udp(address=address))
        self.addCleanup(made.close)
        return made

    async def seen_as(self, sender: Any, receiver: Any, to: str, tries: int = 8) -> str | None:
        """The sender's address as the receiver sees it; None: nothing arrives."""
        for _ in range(tries):
            seen = await deferToThread(passes, sender, receiver, to)
            if seen is not None:
                break
        return seen


class RouterTests(RoutersTestCase):
    """Real packets through routers of the real kernel; guests are namespaces."""

    async def facts(self, namespace: str) -> Any:
        """All that a restart could touch: interfaces with their numbers, addresses, rules."""
        links = await run(reactor, ["ip", "-netns", namespace, "-json", "address"])
        routes = await run(reactor, ["ip", "-netns", namespace, "route"])
        inside = ["ip", "netns", "exec", namespace]
        rules = await run(reactor, [*inside, "nft", "-j", "-a", "list", "ruleset"])
        shown = [{**each, "stats64": 0} for each in json.loads(links.output)]
        return shown, routes.output, json.loads(rules.output)["nftables"][1:]

    def test_two_tenants(self) -> Deferred[None]:
        """With equal addresses each reaches its own networks and the outside, never the other's."""

        async def check() -> None:
            outside = await self.start("one", "two")
            for number, tenant in ((11, "one"), (12, "two")):
                await self.network.put_router(router_of(tenant, number))
            guests = {
                (tenant, place): await self.member(tenant, place)
                for tenant in ("one", "two")
                for place in ("a", "b")
            }
            sockets = {key: await self.socket(guest) for key, guest in guests.items()}
            there = await self.socket(outside)
            for tenant, public in (("one", "198.51.100.11"), ("two", "198.51.100.12")):
                a, b = sockets[tenant, "a"], sockets[tenant, "b"]
                other = sockets["two" if tenant == "one" else "one", "b"]
                self.assertEqual(await self.seen_as(a, b, "10.2.0.9"), "10.1.0.9")
                self.assertEqual(await self.seen_as(b, a, "10.1.0.9"), "10.2.0.9")
                self.assertIsNone(await self.seen_as(a, other, "10.2.0.9", tries=1))
                self.assertEqual(await self.seen_as(a, there, FAR), public)
            await outside.ip("route add 10.0.0.0/8 via 198.51.100.11")
            stranger = await outside.inside(lambda: udp(9998))  # no answer to what was sent before
            self.addCleanup(stranger.close)
            self.assertIsNone(
                await self.seen_as(stranger, sockets["one", "a"], "10.1.0.9", tries=1)
            )
            self.assertIsNone(
                await self.seen_as(stranger, sockets["two", "a"], "198.51.100.12", tries=1)
            )

        return run_test(check)

    def test_public_addresses(self) -> Deferred[None]:
        """A public address leads to its guest, is what it is seen as, and works from inside too."""

        async def check() -> None:
            outside = await self.start("one")
            plan = router_of("one", 11, floating=(FloatingAddress("198.51.100.50", "10.1.0.9"),))
            await self.network.put_router(plan)
            one, two = await self.member("one", "a"), await self.member("one", "a", 8)
            three = await self.member("one", "b")
            at_one, at_two, at_three = [await self.socket(each) for each in (one, two, three)]
            there = await self.socket(outside)
            self.assertEqual(await self.seen_as(there, at_one, "198.51.100.50"), FAR)
            self.assertEqual(await self.seen_as(at_one, there, FAR), "198.51.100.50")
            self.assertEqual(await self.seen_as(at_two, there, FAR), "198.51.100.11")
            for sender in (at_two, at_three):
                seen = await self.seen_as(sender, at_one, "198.51.100.50")
                self.assertEqual(seen, "198.51.100.11")
            await self.network.put_router(router_of("one", 11))
            self.assertIsNone(await self.seen_as(there, at_one, "198.51.100.50", tries=1))
            self.assertEqual(await self.seen_as(at_one, there, FAR), "198.51.100.11")

        return run_test(check)

    def test_routes(self) -> Deferred[None]:
        """Further routes lead where they say; without translation the outside sees guests."""

        async def check() -> None:
            outside = await self.start("one")
            beyond = (("10.99.0.0/16", "10.2.0.9"), ("203.0.113.7/32", FAR))
            await self.network.put_router(router_of("one", 11, routes=beyond, snat=None))
            one = await self.member("one", "a")
            two = await self.member("one", "b", guarded=False)
            await two.ip("address add 10.99.0.1/32 dev lo")
            await outside.ip("address add 203.0.113.7/32 dev lo",
                             "route add 10.1.0.0/24 via 198.51.100.11")  # fmt: skip
            at_one, at_two = await self.socket(one), await self.socket(two)
            there = await self.socket(outside)
            self.assertEqual(await self.seen_as(at_one, at_two, "10.99.0.1"), "10.1.0.9")
            self.assertEqual(await self.seen_as(at_one, there, "203.0.113.7"), "10.1.0.9")
            self.assertEqual(await self.seen_as(there, at_one, "10.1.0.9"), FAR)
            await self.network.put_router(router_of("one", 11))
            self.assertIsNone(await self.seen_as(at_one, at_two, "10.99.0.1", tries=1))

        return run_test(check)

    def test_six(self) -> Deferred[None]:
        """Guests learn their router of IPv6 from the node, and reach each other through it."""

        async def check() -> None:
            await self.start("one")
            await self.network.put_router(router_of("one", 11))
            one, two = await self.member("one", "a"), await self.member("one", "b")
            for guest in (one, two):
                await guest.ip("link set eth0 down", "link set eth0 up")
            for _ in range(50):
                routes = [await each.says("ip", "-6", "route") for each in (one, two)]
                if all("default" in each for each in routes):
                    break
                await deferLater(reactor, 0.1)
            target = "fd00:b::f816:3eff:fe6f:209"
            for _ in range(20):
                said = await one.says("sh", "-c", f"busybox ping -6 -c1 -W1 {target} || true")
                if "1 packets received" in said:
                    return
            self.fail(said)

        return run_test(check)

    def test_restart_and_repair(self) -> Deferred[None]:
        """A restart touches nothing, damage is put right, and a removal leaves nothing."""

        async def check() -> None:
            await self.start("one")
            await self.network.put_router(router_of("one", 11))
            (name,) = self.router_namespaces()
            before = await self.facts(name)
            await self.restart()
            self.assertEqual(await self.facts(name), before)
            await self.network.carry_routers((router_of("one", 11),))
            self.assertEqual(await self.facts(name), before)
            await run(reactor, ["ip", "netns", "exec", name, "nft", "flush", "ruleset"])
            end = next(each["ifname"] for each in before[0] if each["ifname"] != "lo")
            await self.ip(f"link delete dev {end}", namespace=name)
            await self.restart()
            (shown, routes, rules), (old, old_routes, old_rules) = await self.facts(name), before
            for now, then in ((shown, old), (routes.splitlines(), old_routes.splitlines())):
                self.assertEqual(without_numbers(now), without_numbers(then))
            self.assertEqual(len(rules), len(old_rules))
            bare = await self.links()
            await self.network.carry_routers(())
            self.assertEqual(self.router_namespaces(), [])
            gone = set(bare) - set(await self.links())
            self.assertEqual(len(gone), 3)
            for _ in range(2):
                await self.network.drop_router("router-one")

        return run_test(check)

    async def links(self) -> list[str]:
        said = await run(reactor, ["ip", "-netns", self.node, "-json", "link"])
        return [each["ifname"] for each in json.loads(said.output)]

    def test_failure(self) -> Deferred[None]:
        """A router that can't be made leaves nothing, and keeps no other from being there."""

        async def check() -> None:
            await self.start("one")
            lost = router_of("two", 12)
            failing = Deferred.fromCoroutine(self.network.put_router(lost))
            await self.assertFailure(failing, OpExecError)
            bad = router_of("one", 13, name="bad", routes=(("10.9.0.0/16", "192.0.2.77"),))
            failing = Deferred.fromCoroutine(self.network.put_router(bad))
            await self.assertFailure(failing, OpExecError)
            self.assertEqual(self.router_namespaces(), [])
            await self.network.carry_routers((lost, bad, router_of("one", 11)))
            self.assertEqual(len(self.router_namespaces()), 1)

        return run_test(check)

    def test_shared_bridge(self) -> Deferred[None]:
        """On a bridge that MAC-filtered networks share a router belongs to its own network."""

        async def check() -> None:
            await self.network.begin(frozenset())
            macs = {"one": "aa:00:01", "two": "aa:00:02"}
            for name, prefix in macs.items():
                plan = NetworkPlan(name, "prv0", subnet="10.1.0.0/24", gateway="10.1.0.1",
                                   mac_prefix=prefix, mac_filtered=True)  # fmt: skip
                await self.network.connect(evolve(plan, node_gateway=False))
            other = NetworkPlan("far", "gtbrf", subnet="10.2.0.0/24", gateway="10.2.0.1")
            await self.network.connect(evolve(other, node_gateway=False))
            ways = (
                RouterPort("one", gateway_mac("one", "aa:00:01"), ("10.1.0.1/24",)),
                RouterPort("far", gateway_mac("far", None), ("10.2.0.1/24",)),
            )
            await self.network.put_router(RouterPlan("r", "0000-1", ways))
            guests = [
                await self.guest(
                    PortPlan(f"uuid-{name}", f"{prefix}:00:00:05", ("10.1.0.5",), name,
                             host_name=name), gateway="10.1.0.1",
                )
                for name, prefix in macs.items()
            ]  # fmt: skip
            far = await self.guest(
                PortPlan("uuid-far", "fa:16:3e:00:00:09", ("10.2.0.9",), "far", host_name="far"),
                gateway="10.2.0.1",
            )
            at_one, at_two, at_far = [await self.socket(each) for each in (*guests, far)]
            self.assertEqual(await self.seen_as(at_one, at_far, "10.2.0.9"), "10.1.0.5")
            mac = gateway_mac("one", "aa:00:01")
            await guests[1].ip(f"neighbour replace 10.1.0.1 lladdr {mac} dev eth0 nud permanent")
            self.assertIsNone(await self.seen_as(at_two, at_far, "10.2.0.9", tries=1))

        return run_test(check)

    def test_moves(self) -> Deferred[None]:
        """Its guests on both nodes go on by it, for it has the same addresses there."""

        async def check() -> None:
            directory = Path(tempfile.mkdtemp())
            self.addCleanup(shutil.rmtree, directory)
            other = self.make_network(self.new_namespace(), directory)
            nodes = [self.network, other]
            for node in nodes:
                await node.begin(frozenset())
            await self.ip(f"link add up0 type veth peer name up0 netns {other.namespace}")
            for number, node in enumerate(nodes, 1):
                await self.ip("link set dev up0 up", f"address add 192.0.2.{number}/24 dev up0",
                              namespace=node.namespace)  # fmt: skip
                for vni, network in enumerate(networks_of("one"), 71):
                    wide = evolve(
                        network, link=f"vxlan:{vni}", vxlan=Vxlan(vni, (f"192.0.2.{3 - number}",))
                    )
                    await node.connect(wide)
            plan = router_of("one", 11, external=None, snat=None, gateways=())
            await nodes[0].put_router(plan)
            near = await self.member("one", "a")
            port = PortPlan("uuid-far", "fa:16:3e:00:00:77", ("10.2.0.9",), "one-b", host_name="f")
            far = await self.guest(port, gateway="10.2.0.1", node=other)
            at_near, at_far = await self.socket(near), await self.socket(far)
            self.assertEqual(await self.seen_as(at_near, at_far, "10.2.0.9"), "10.1.0.9")
            await nodes[0].drop_router(plan.name)
            await other.put_router(plan)
            self.assertEqual(await self.seen_as(at_near, at_far, "10.2.0.9"), "10.1.0.9")
            self.assertEqual(await self.seen_as(at_far, at_near, "10.1.0.9"), "10.2.0.9")
            await other.carry_routers(())

        return run_test(check)
