"""Single ports of public addresses lead to guests: by routers, and by the node itself."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from ganetid.network.ports import NetworkPlan, PortForward, PortPlan
from ganetid.network.tap import TapNetwork
from tests.ganetid.cluster import Client
from tests.ganetid.network.cluster_lab import WiredTestCase
from tests.ganetid.network.lab import NetworkTestCase, passes, run_test, udp_socket
from tests.ganetid.network.test_routers import FAR, RoutersTestCase, router_of

PUBLIC = "198.51.100.60"
WEB = PortForward(PUBLIC, "udp", 5353, "10.1.0.9", 9999)
OTHER = PortForward(PUBLIC, "udp", 5354, "10.2.0.9", 9999)
NETWORK = NetworkPlan("net", "gtbr1", subnet="10.7.0.0/24", gateway="10.7.0.1")
TWIN = NetworkPlan("twin", "gtbr2", subnet="10.7.0.0/24", gateway="10.7.0.1")
ONE = PortPlan("uuid-one", "fa:16:3e:00:00:09", ("10.7.0.9",), "net", host_name="one")
TWO = PortPlan("uuid-two", "fa:16:3e:00:00:0a", ("10.7.0.9",), "twin", host_name="two")


async def seen(sender: Any, receiver: Any, port: int, tries: int = 8) -> str | None:
    """Whom the receiver sees who calls the public address's port; None: nobody."""
    for _ in range(tries):
        found = await deferToThread(passes, sender, receiver, PUBLIC, port)
        if found is not None:
            break
    return found


async def answered(server: Any, client: Any, to: tuple[str, int]) -> tuple[str, int]:
    """Where an answer comes from, as the client sees it."""

    def ask() -> tuple[str, int]:
        client.sendto(b"question", to)
        _, origin = server.recvfrom(100)
        server.sendto(b"answer", origin)
        _, source = client.recvfrom(100)
        return str(source[0]), int(source[1])

    return await deferToThread(ask)


class RoutersForwardsTests(RoutersTestCase):
    """By routers in namespaces of their own."""

    def test_ports(self) -> Deferred[None]:
        """Each port leads to its guest, in both networks, from outside and from inside."""

        async def check() -> None:
            outside = await self.start("one")
            await self.network.put_router(router_of("one", 11, forwards=(WEB, OTHER)))
            one, two = await self.member("one", "a"), await self.member("one", "b")
            neighbour = await self.member("one", "a", 8)
            there, at_one, at_two, near = [
                await self.socket(each) for each in (outside, one, two, neighbour)
            ]
            for snat in ("198.51.100.11", None):
                plan = router_of("one", 11, forwards=(WEB, OTHER), snat=snat)
                await self.network.put_router(plan)
                self.assertEqual(await seen(there, at_one, 5353), FAR)
                self.assertEqual(await seen(there, at_two, 5354), FAR)
                self.assertIsNone(await seen(there, at_one, 9999, tries=1))
                self.assertEqual(await answered(at_one, there, (PUBLIC, 5353)), (PUBLIC, 5353))
                self.assertEqual(await answered(at_one, near, (PUBLIC, 5353)), (PUBLIC, 5353))

        return run_test(check)

    def test_end(self) -> Deferred[None]:
        """One that is taken away ends its flows, and leaves the other's alone; a restart none."""

        async def check() -> None:
            outside = await self.start("one")
            await self.network.put_router(router_of("one", 11, forwards=(WEB, OTHER)))
            one, two = await self.member("one", "a"), await self.member("one", "b")
            there, at_one, at_two = [await self.socket(each) for each in (outside, one, two)]
            self.assertEqual(await answered(at_one, there, (PUBLIC, 5353)), (PUBLIC, 5353))
            self.assertEqual(await answered(at_two, there, (PUBLIC, 5354)), (PUBLIC, 5354))
            await self.restart("one", "onea9", "oneb9")
            self.assertEqual(await answered(at_one, there, (PUBLIC, 5353)), (PUBLIC, 5353))
            await self.network.put_router(router_of("one", 11, forwards=(OTHER,)))
            self.assertIsNone(await seen(there, at_one, 5353, tries=1))
            self.assertEqual(await answered(at_two, there, (PUBLIC, 5354)), (PUBLIC, 5354))

        return run_test(check)


class NodesForwardsTests(NetworkTestCase):
    """By a node that is the gateway itself."""

    network: TapNetwork

    async def socket(self, machine: Any, port: int = 9999) -> Any:
        made = await machine.inside(lambda: udp_socket(port))
        self.addCleanup(made.close)
        return made

    def test_ports(self) -> Deferred[None]:
        """Two tenants with one address have a port each; the rest of what they do is as before."""

        async def check() -> None:
            await self.begin(NETWORK, TWIN)
            outside = await self.outside()
            first = PortForward(PUBLIC, "udp", 5353, "10.7.0.9", 9999)
            second = evolve(first, public="198.51.100.61", port=5354)
            one = await self.guest(evolve(ONE, forwards=(first,)), gateway="10.7.0.1")
            two = await self.guest(evolve(TWO, forwards=(second,)), gateway="10.7.0.1")
            there, at_one, at_two = [await self.socket(each) for each in (outside, one, two)]
            self.assertEqual(await seen(there, at_one, 5353), "198.51.100.2")
            self.assertEqual(await answered(at_one, there, (PUBLIC, 5353)), (PUBLIC, 5353))
            self.assertEqual(
                await answered(at_two, there, (second.public, 5354)), (second.public, 5354)
            )
            self.assertIsNone(await seen(there, at_one, 5354, tries=1))
            self.assertEqual(
                await answered(there, at_one, ("198.51.100.2", 9999)), ("198.51.100.2", 9999)
            )
            from_another = await self.socket(one, 9998)
            self.assertEqual(
                await answered(there, from_another, ("198.51.100.2", 9999)), ("198.51.100.2", 9999)
            )
            await self.restart("one", "two")
            self.assertEqual(await answered(at_one, there, (PUBLIC, 5353)), (PUBLIC, 5353))
            await self.network.update("one", (ONE,), None)
            fresh = await self.socket(outside, 9997)
            self.assertIsNone(await seen(fresh, at_one, 5353, tries=1))

        return run_test(check)


class RemoteForwardsTests(WiredTestCase):
    """By the remote API."""

    def test_remote(self) -> Deferred[None]:
        """NICs and routers have them; what can't be is refused and named."""

        async def check(client: Client) -> None:
            await self.network(client, "net", "gtbr1", network="10.7.0.0/24", gateway="10.7.0.1")
            await self.network(client, "out", "gtbrx", network="198.51.100.0/24",
                               gateway="198.51.100.1")  # fmt: skip
            await self.instance(client, "one", {"network": "net", "ip": "pool"})
            wish = {"public": PUBLIC, "protocol": "udp", "port": 53, "private": "10.7.0.2",
                    "private_port": 9999}  # fmt: skip
            port = "/2/instances/one/nics/0/port"
            where = "port_forwardings[0]"
            for changes, words in (
                ({"protocol": "icmp"}, f"{where}.protocol: 'icmp' is none of tcp, udp"),
                ({"port": 0}, f"{where}.port: 0 is not in 1 to 65535"),
                ({"private_port": 65536}, f"{where}.private_port"),
                ({"public": "fd00::1"}, f"{where}.public"),
                ({"private": "10.7.0.9"}, f"{where}.private: '10.7.0.9' is not the NIC's"),
                ({"colour": 1}, f"{where}.colour"),
            ):
                body = {"port": {"port_forwardings": [{**wish, **changes}]}}
                self.assertIn(f"port.{words}", await self.refused(client, "PUT", port, body))
            body = {"port": {"port_forwardings": [wish, wish]}}
            self.assertIn("[1].port: udp port 53 is there twice",
                          await self.refused(client, "PUT", port, body))  # fmt: skip
            await self.done(client, "PUT", port, {"port": {"port_forwardings": [wish]}})
            self.assertEqual((await client.call("GET", port))[1]["port_forwardings"], [wish])
            router = {"name": "r", "external": {"network": "out", "ips": ["198.51.100.5"]},
                      "port_forwardings": [{**wish, "public": "198.51.100.5"}]}  # fmt: skip
            problem = await self.refused(client, "POST", "/2/routers", router)
            self.assertIn("port_forwardings[0].public: 198.51.100.5 is the router's own", problem)
            router["port_forwardings"] = [{**wish, "public": "198.51.100.6"}]
            self.assertEqual(await self.done(client, "POST", "/2/routers", router), "node1")
            _, shown = await client.call("GET", "/2/routers/r")
            self.assertEqual(shown["port_forwardings"], router["port_forwardings"])
            _, network = await client.call("GET", "/2/networks/out")
            self.assertEqual(network["map"][:8], "XX...XX.")
            body = {"port": {"port_forwardings": [{**wish, "public": "198.51.100.6"}]}}
            self.assertIn("198.51.100.6 is in use", await self.refused(client, "PUT", port, body))
            change = {"nics": [["modify", 0, {"ip": "10.7.0.9"}]], "hotplug": True}
            await self.done(client, "PUT", "/2/instances/one/modify", change)
            self.assertEqual((await client.call("GET", port))[1]["port_forwardings"], [])

        return self.run_test(check)
