"""A daemon that is killed at any instant leaves nothing that the next one does not put right."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from ganetid.network.host import Host
from ganetid.network.kept import Folder
from ganetid.network.names import cable_prefix, tap_name, tap_prefix
from ganetid.network.rules.firewall import inet_table
from ganetid.network.rules.guard import bridge_table
from ganetid.network.rules.ruleset import script
from ganetid.network.state import has_gateway
from tests.ganetid.network.lab import CLUSTER, NetworkTestCase, run_test
from tests.ganetid.network.plugging import NAMES
from tests.live.kernel import CHECKOUT

ROUNDS = int(os.environ.get("NETWORK_KILL_ROUNDS", "3"))


class KilledTests(NetworkTestCase):
    """SIGKILL while NICs and networks come and go."""

    timeout = 60 + 10 * ROUNDS

    def work_and_die(self, dice: random.Random) -> None:
        """Blocks for about a second."""
        daemon = subprocess.Popen(
            [sys.executable, "-m", "tests.ganetid.network.plugging", self.node,
             str(self.directory), str(dice.randrange(10**6))],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert daemon.stdout is not None
        begun = daemon.stdout.readline()
        time.sleep(dice.uniform(0.05, 0.8))
        daemon.kill()
        _, errors = daemon.communicate()
        self.assertEqual((begun, errors.decode()), (b"begun\n", ""))

    async def check_whole(self, running: frozenset[str]) -> None:
        """Kernel, files and what the daemon believes agree."""
        host = Host(reactor, self.node)
        state = self.network._changing.state
        kept = await deferToThread(Folder(self.directory).read)
        self.assertEqual({each.instance for each in kept.plugged}, set(state.plugged))
        self.assertLessEqual(set(state.plugged), running)
        self.assertEqual({each.name for each in kept.networks.plans}, set(state.networks))
        taps = {tap_name(CLUSTER, port.uuid) for p in state.plugged.values() for port in p.ports}
        links = await host.links()
        self.assertEqual({name for name in links if name.startswith(tap_prefix(CLUSTER))}, taps)
        for table in (bridge_table(state), inet_table(state)):
            self.assertEqual(script(table, await host.table(table)), "")
        rules = await host.rules()
        gateways = [each for each in state.networks.values() if has_gateway(each)]
        self.assertEqual(len([rule for rule in rules if "fwmark" in rule]), len(gateways))
        self.assertLessEqual({rule["iif"] for rule in rules if "iif" in rule}, taps)
        self.assertEqual(kept.networks.routers, tuple(state.routers.values()))
        self.assertEqual(len(self.router_namespaces()), len(state.routers))
        cables = {name for name in links if name.startswith(cable_prefix(CLUSTER))}
        self.assertEqual(cables, {each.outer for each in state.cables()})
        routed = {name for name in links if name.startswith(("gtbr", "gvx"))}
        self.assertEqual(routed, set(state.bridged()))

    def test_rounds(self) -> Deferred[None]:
        """After each kill the next start finds the guests that run, and nothing else is left."""

        async def check() -> None:
            seed = int(os.environ.get("NETWORK_KILL_SEED", str(random.randrange(10**6))))
            dice = random.Random(seed)
            for number in range(ROUNDS):
                await self.network.close()
                await deferToThread(self.work_and_die, dice)
                running = frozenset(dice.sample(NAMES, dice.randrange(1, 6)))
                await self.restart(*running)
                try:
                    await self.check_whole(running)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}, round {number}: {error}") from error

        return run_test(check)
