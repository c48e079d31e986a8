"""
Bridges, taps and packet rules of the real kernel come, stay and go, in namespaces of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ganetid.hypervisor.interface import TapNic
from ganetid.network.choice import resolvers
from ganetid.network.host import Host
from ganetid.network.interface import INodeNetwork
from ganetid.network.names import tap_name
from ganetid.network.ports import NetworkPlan, PortPlan, RouterPlan, SecurityRule
from ganetid.network.user import UserNetwork
from ganetid.node.programs import run
from ganetid.opcodes.errors import OpExecError
from tests.ganetid.network.lab import CLUSTER, NetworkTestCase, run_test

MAC = "fa:16:3e:00:00:01"
GATEWAY, ADDRESS = "10.7.0.1", "10.7.0.9"
NETWORK = NetworkPlan("snf-net-1", "gtbr1", subnet="10.7.0.0/24", gateway=GATEWAY)
RULES = (SecurityRule("in", protocol="tcp", port_min=22), SecurityRule("out"))
PORT = PortPlan("uuid-of-n1", MAC, (ADDRESS,), "snf-net-1", host_name="snf-1", rules=RULES)
TAP = tap_name(CLUSTER, PORT.uuid)


class TapNetworkTests(NetworkTestCase):
    """TapNetwork on this kernel."""

    async def links(self) -> dict[str, Any]:
        return dict(await Host(reactor, self.node).links())

    async def rules(self) -> Any:
        """Every table, chain, rule and element, with its number in the kernel."""
        said = await run(
            reactor, ["ip", "netns", "exec", self.node, "nft", "-j", "-a", "list", "ruleset"]
        )
        return json.loads(said.output)["nftables"][1:]

    async def indexes(self) -> str:
        said = await run(reactor, ["ip", "-netns", self.node, "-brief", "link"])
        return said.output

    async def plug(self) -> tuple[Any, ...]:
        return await self.network.plug("snf-1", (PORT,), {"a": b"b"})

    async def fails(self, work: Any) -> None:
        await self.assertFailure(Deferred.fromCoroutine(work), OpExecError)

    def test_interfaces(self) -> None:
        """Both kinds of networking have what INodeNetwork says."""
        verifyObject(INodeNetwork, self.network)
        verifyObject(INodeNetwork, UserNetwork())

    def test_plug(self) -> Deferred[None]:
        """A NIC is a tap on its bridge, made once; unplugged it is gone."""

        async def check() -> None:
            await self.begin(NETWORK)
            for _ in range(2):
                self.assertEqual(await self.plug(), (TapNic(MAC, TAP),))
                self.assertEqual((await self.links())[TAP].master, "gtbr1")
            self.assertEqual(self.network.ports("snf-1"), (PORT,))
            for _ in range(2):
                await self.network.unplug("snf-1")
                self.assertNotIn(TAP, await self.links())
            self.assertEqual(list((self.directory / "ports").glob("*")), [])

        return run_test(check)

    def test_plug_one(self) -> Deferred[None]:
        """A NIC comes and goes while the guest runs, and the others stay as they are."""

        async def check() -> None:
            await self.begin(NETWORK)
            await self.plug()
            second = evolve(PORT, uuid="uuid-of-n2", mac="fa:16:3e:00:00:02", ips=("10.7.0.10",))
            nic = await self.network.plug_one("snf-1", second)
            self.assertLessEqual({TAP, nic.tap}, set(await self.links()))
            await self.network.unplug_one("snf-1", second.uuid)
            links = await self.links()
            self.assertNotIn(nic.tap, links)
            self.assertIn(TAP, links)

        return run_test(check)

    def test_failures(self) -> Deferred[None]:
        """What can't be made leaves everything as it was, on disk too."""

        async def check() -> None:
            await self.begin(NETWORK)
            await self.plug()
            before, links = await self.rules(), set(await self.links())
            files = {path.name: path.read_bytes() for path in self.directory.rglob("*.json")}
            lost = PortPlan("uuid-of-n2", MAC, link="nowhere")
            bad = (evolve(PORT, rules=(SecurityRule("in", protocol="nonsense"),)),)
            await self.fails(self.network.plug("snf-2", (lost,), {}))
            await self.fails(self.network.update("snf-1", bad, None))
            await self.fails(self.network.connect(NetworkPlan("bad", "gtbr9", subnet="10.9.0.0/24",
                                                              uplink="nowhere")))  # fmt: skip
            self.assertEqual(self.network.ports("snf-1"), (PORT,))
            self.assertEqual(set(await self.links()), links)
            self.assertEqual(
                {path.name: path.read_bytes() for path in self.directory.rglob("*.json")}, files
            )
            await self.restart("snf-1")
            self.assertEqual(_without_numbers(await self.rules()), _without_numbers(before))

        return run_test(check)

    def test_restart(self) -> Deferred[None]:
        """A restart touches nothing: not one link or rule is made anew."""

        async def check() -> None:
            await self.begin(NETWORK, evolve(NETWORK, name="other", link="gtbr2"))
            await self.plug()
            before, indexes = await self.rules(), await self.indexes()
            await self.restart("snf-1")
            self.assertEqual(self.network.ports("snf-1"), (PORT,))
            self.assertEqual(await self.rules(), before)
            self.assertEqual(await self.indexes(), indexes)
            await self.network.carry((NETWORK, evolve(NETWORK, name="other", link="gtbr2")))
            self.assertEqual(await self.rules(), before)

        return run_test(check)

    def test_repair(self) -> Deferred[None]:
        """What somebody has changed meanwhile is put right at the next start."""

        async def check() -> None:
            await self.begin(NETWORK)
            await self.plug()
            before = _without_numbers(await self.rules())
            table = "ganetid_test_cluster"
            await Host(reactor, self.node).nft(
                f"flush chain inet {table} input\nadd chain inet {table} stranger\n"
                f"add element bridge {table} senders {{ eth7 : accept }}\n"
                f"delete element bridge {table} senders {{ {TAP} }}\n"
            )
            await self.ip(f"link set dev {TAP} nomaster", "address del 10.7.0.1/24 dev gtbr1")
            await self.restart("snf-1")
            self.assertEqual(_without_numbers(await self.rules()), before)
            links = await self.links()
            self.assertEqual(links[TAP].master, "gtbr1")
            self.assertIn(f"{GATEWAY}/24", links["gtbr1"].addresses)

        return run_test(check)

    def test_strays(self) -> Deferred[None]:
        """At the next start a guest that is gone has no tap, file or rule."""

        async def check() -> None:
            await self.begin(NETWORK)
            bare = _without_numbers(await self.rules())
            await self.plug()
            await self.restart()
            self.assertNotIn(TAP, await self.links())
            self.assertEqual(_without_numbers(await self.rules()), bare)
            self.assertEqual(list((self.directory / "ports").glob("*")), [])

        return run_test(check)

    def test_network_away(self) -> Deferred[None]:
        """A guest's tap outlives its network, cut off, and is back when the network is."""

        async def check() -> None:
            await self.begin(NETWORK)
            await self.plug()
            indexes = await self.indexes()
            await self.network.disconnect("snf-net-1")
            self.assertIsNone((await self.links())[TAP].master)
            unknown = evolve(PORT, uuid="uuid-of-n2")
            await self.fails(self.network.plug("snf-2", (unknown,), {}))
            await self.restart("snf-1")
            await self.network.connect(NETWORK)
            self.assertEqual((await self.links())[TAP].master, "gtbr1")
            self.assertEqual(len(await self.indexes()), len(indexes))

        return run_test(check)

    def test_disconnect(self) -> Deferred[None]:
        """A network that is carried no more leaves no bridge, and can come back."""

        async def check() -> None:
            await self.begin(NETWORK)
            await self.network.disconnect("snf-net-1")
            self.assertNotIn("gtbr1", await self.links())
            rules = await Host(reactor, self.node).rules()
            self.assertEqual([rule for rule in rules if "fwmark" in rule], [])
            await self.network.connect(NETWORK)
            self.assertIn("gtbr1", await self.links())

        return run_test(check)

    def test_bridge_of_others(self) -> Deferred[None]:
        """A bridge that the operator made stays when its network goes."""

        async def check() -> None:
            await self.network.begin(frozenset())
            await self.ip("link add br0 type bridge", "link set dev br0 up",
                          "address add 192.0.2.1/24 dev br0")  # fmt: skip
            await self.network.connect(evolve(NETWORK, link="br0"))
            self.assertIn(f"{GATEWAY}/24", (await self.links())["br0"].addresses)
            await self.network.disconnect("snf-net-1")
            left = (await self.links())["br0"].addresses
            self.assertEqual({each for each in left if "fe80" not in each}, {"192.0.2.1/24"})

        return run_test(check)

    def test_carry(self) -> Deferred[None]:
        """One network that can't be carried keeps no other from it."""

        async def check() -> None:
            await self.begin(evolve(NETWORK, name="gone", link="gtbr3"))
            bad = NetworkPlan("bad", "gtbr2", subnet="10.9.0.0/24", uplink="nowhere")
            await self.network.carry((bad, NETWORK))
            links = await self.links()
            self.assertIn("gtbr1", links)
            self.assertNotIn("gtbr2", links)
            self.assertNotIn("gtbr3", links)

        return run_test(check)


def _without_numbers(rules: Any) -> Any:
    """As sets of texts: numbers and order differ after a repair."""
    dropped = ("handle",)
    return sorted(
        json.dumps(
            {
                kind: {k: v for k, v in body.items() if k not in dropped}
                for kind, body in each.items()
            },
            sort_keys=True,
        )
        for each in rules
    )


class UserTests(TestCase):
    """User networking."""

    def test_routers(self) -> None:
        """It can't have any, but where guests are fake too."""
        plan = RouterPlan("r", "uuid")
        refused = Deferred.fromCoroutine(UserNetwork().put_router(plan))
        self.failureResultOf(refused, OpExecError)
        made = Deferred.fromCoroutine(UserNetwork(pretends=True).put_router(plan))
        self.assertIsNone(self.successResultOf(made))


class ResolverTests(TestCase):
    """Which name servers guests are told."""

    def test_not_loopback(self) -> None:
        """Only what guests can reach too."""
        path = Path(self.mktemp())
        path.write_text("nameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\nsearch x\n")
        self.assertEqual(resolvers(path), ("192.0.2.1",))
        self.assertEqual(resolvers(path.with_name("absent")), ())
