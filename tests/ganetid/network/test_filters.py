"""Security groups and firewall profiles: what gets through, and what of it survives a change."""

from __future__ import annotations

import json
import socket
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from ganetid.network.ports import GroupPlan, NetworkPlan, PortPlan, SecurityRule
from ganetid.node.programs import run
from tests.ganetid.network.lab import FakeGuest, NetworkTestCase, run_test

NET = NetworkPlan("net-1", "gtbr1", subnet="10.7.0.0/24", gateway="10.7.0.1")
SERVER = PortPlan("uuid-s", "fa:16:3e:00:00:01", ("10.7.0.9",), "net-1", host_name="server")
CLIENT = PortPlan("uuid-c", "fa:16:3e:00:00:02", ("10.7.0.10",), "net-1", host_name="client")
OUT = SecurityRule("out")
SSH = SecurityRule("in", protocol="tcp", port_min=22)
ANSWER_S = 10.0  # for what must come: a first SYN that is lost is sent again after a second
SILENCE_S = 0.7  # what is dropped is waited for so long


class FilterTests(NetworkTestCase):
    """TCP between two guests."""

    async def start(self, server: PortPlan, client: PortPlan = CLIENT) -> None:
        await self.begin(NET)
        self.server = await self.guest(server, gateway="10.7.0.1")
        self.client = await self.guest(client, gateway="10.7.0.1")

    async def listen(self, machine: FakeGuest, port: int) -> socket.socket:
        def make() -> socket.socket:
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("0.0.0.0", port))
            made.listen(5)
            made.settimeout(ANSWER_S)
            return made

        made = await machine.inside(make)
        self.addCleanup(made.close)
        return made

    async def connect(
        self, machine: FakeGuest, address: str, port: int, within_s: float = ANSWER_S
    ) -> Any:
        """The connection; None when there is none in time."""

        def attempt() -> Any:
            made = socket.socket()
            made.settimeout(within_s)
            try:
                made.connect((address, port))
            except OSError:
                made.close()
                return None
            return made

        made = await machine.inside(attempt)
        if made is not None:
            self.addCleanup(made.close)
        return made

    async def gets_in(self, port: int, machine: FakeGuest | None = None) -> bool:
        return await self.connect(machine or self.client, "10.7.0.9", port) is not None

    async def stays_out(self, port: int) -> bool:
        return await self.connect(self.client, "10.7.0.9", port, SILENCE_S) is None

    async def change(self, port: PortPlan) -> None:
        await self.network.update(port.host_name or "", (port,), None)

    def test_rules(self) -> Deferred[None]:
        """Only what a rule allows gets in, wherever it comes from; a change holds at once."""

        async def check() -> None:
            await self.start(evolve(SERVER, rules=(SSH, OUT)))
            for port in (22, 80):
                await self.listen(self.server, port)
            node = FakeGuest(self.node, SERVER, None)  # type: ignore[arg-type]
            await self.listen(self.client, 9000)
            self.assertTrue(await self.gets_in(22))
            self.assertTrue(await self.stays_out(80))
            self.assertIsNotNone(await self.connect(self.server, "10.7.0.10", 9000))
            web = SecurityRule("in", protocol="tcp", port_min=79, port_max=81, remote="10.7.0.10")
            await self.change(evolve(SERVER, rules=(web, OUT)))
            self.assertTrue(await self.stays_out(22))
            self.assertTrue(await self.gets_in(80))
            self.assertTrue(await self.gets_in(22, node), "the node itself is trusted")
            await self.change(evolve(SERVER, rules=(evolve(web, remote="10.7.0.11/32"),)))
            self.assertTrue(await self.stays_out(80))
            blocked = await self.connect(self.server, "10.7.0.10", 9000, SILENCE_S)
            self.assertIsNone(blocked, "nothing out")

        return run_test(check)

    def test_by_the_gateway(self) -> Deferred[None]:
        """Who sends to a neighbour by way of the gateway does not get round its rules."""

        async def check() -> None:
            await self.start(evolve(SERVER, rules=(SSH,)))
            await self.listen(self.server, 80)
            await self.client.ip("route add 10.7.0.9/32 via 10.7.0.1")
            self.assertTrue(await self.stays_out(80))
            await self.network.connect(evolve(NET, open_inwards=True))
            self.assertTrue(await self.stays_out(80))
            await self.change(evolve(SERVER, rules=(evolve(SSH, port_min=80),)))
            self.assertTrue(await self.gets_in(80))

        return run_test(check)

    def test_profiles(self) -> Deferred[None]:
        """Synnefo's profiles: protected lets in ping alone, limited SSH too, unprotected all."""

        async def check() -> None:
            await self.start(evolve(SERVER, firewall="protected"))
            for port in (22, 80):
                await self.listen(self.server, port)
            for profile, through in (
                ("protected", (False, False)),
                ("limited", (True, False)),
                ("unprotected", (True, True)),
                (None, (True, True)),
            ):
                await self.change(evolve(SERVER, firewall=profile))
                for port, is_open in zip((22, 80), through, strict=True):
                    as_wanted = self.gets_in if is_open else self.stays_out
                    self.assertTrue(await as_wanted(port), (profile, port))
                said = await self.client.says("busybox", "ping", "-c1", "-W2", "10.7.0.9")
                self.assertIn("1 packets received", said)

        return run_test(check)

    def test_groups(self) -> Deferred[None]:
        """A rule may name a group; who joins it gets in, and who leaves does not."""

        async def check() -> None:
            members = SecurityRule("in", protocol="tcp", port_min=80, remote_group="web clients")
            await self.start(evolve(SERVER, rules=(members,)))
            await self.listen(self.server, 80)
            self.assertTrue(await self.stays_out(80))
            group = GroupPlan("web clients", ("10.7.0.10", "10.7.0.0/28", "fd00::1"))
            await self.network.share_groups((group,))
            self.assertTrue(await self.gets_in(80))
            await self.restart("server", "client")
            self.assertTrue(await self.gets_in(80))
            await self.network.share_groups((evolve(group, addresses=("10.7.0.11",)),))
            self.assertTrue(await self.stays_out(80))

        return run_test(check)

    def test_shared_rules(self) -> Deferred[None]:
        """What changes of a group changes its own chain and nothing of any NIC."""

        async def check() -> None:
            group = GroupPlan("web servers", rules=(SSH,))
            await self.start(evolve(SERVER, groups=("web servers",)))
            for port in (22, 80):
                await self.listen(self.server, port)
            self.assertTrue(await self.stays_out(22), "nobody has told of the group yet")
            await self.network.change_groups((group,), ())
            self.assertTrue(await self.gets_in(22))
            before = await self.numbered_rules()
            newer = evolve(group, rules=(evolve(SSH, port_min=80), OUT))
            await self.network.change_groups((newer,), ())
            self.assertTrue(await self.gets_in(80))
            self.assertTrue(await self.stays_out(22))
            changed = {chain for chain, _ in before ^ await self.numbered_rules()}
            self.assertEqual({name.rpartition("_")[0] for name in changed},
                             {"group_in_web_servers", "group_out_web_servers"})  # fmt: skip
            await self.restart("server", "client")
            self.assertTrue(await self.gets_in(80))
            await self.network.change_groups((), ("web servers",))
            self.assertTrue(await self.stays_out(80))

        return run_test(check)

    async def numbered_rules(self) -> set[tuple[str, int]]:
        """(chain, number in the kernel) of every rule."""
        listing = ["ip", "netns", "exec", self.node, "nft", "-j", "-a", "list", "ruleset"]
        items = json.loads((await run(reactor, listing)).output)["nftables"]
        rules = [each["rule"] for each in items if "rule" in each]
        return {(each["chain"], each["handle"]) for each in rules}

    def test_flows(self) -> Deferred[None]:
        """A connection goes on through changes of rules, and through restarts of the daemon."""

        async def check() -> None:
            await self.start(evolve(SERVER, rules=(SSH,)))
            outside = await self.outside()
            at_server, beyond = await self.listen(self.server, 22), await self.listen(outside, 80)
            pairs = []
            for machine, address, port, listening in (
                (self.client, "10.7.0.9", 22, at_server),
                (self.client, "198.51.100.2", 80, beyond),
            ):
                near = await self.connect(machine, address, port)
                self.assertIsNotNone(near, address)
                far, _ = await deferToThread(listening.accept)
                self.addCleanup(far.close)
                for each in (near, far):
                    each.settimeout(ANSWER_S)
                pairs.append((near, far))

            async def all_flow() -> None:
                for near, far in pairs:
                    for sender, receiver in ((near, far), (far, near)):
                        await deferToThread(sender.sendall, b"still here")
                        self.assertEqual(await deferToThread(receiver.recv, 10), b"still here")

            await all_flow()
            await self.change(evolve(SERVER, rules=()))
            await all_flow()
            self.assertTrue(await self.stays_out(22))
            for _ in range(2):
                await self.restart("server", "client")
                await all_flow()

        return run_test(check)
