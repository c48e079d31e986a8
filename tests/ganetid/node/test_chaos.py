"""
Daemons are killed without warning at random instants of mixed jobs, some with their guests; the
master is one of them, and others take over.

GANETID_CHAOS_ROUNDS (1), GANETID_CHAOS_SEED.
"""

from __future__ import annotations

import os
import random
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.ganetid.node import wholeness
from tests.ganetid.node.disorder import Disorder
from tests.ganetid.node.machines import MachinesTestCase

ROUNDS = int(os.environ.get("GANETID_CHAOS_ROUNDS", "1"))
LOOKS = 150  # how often a cluster is looked at until it is whole, with a pause of PAUSE_S between
PAUSE_S = 0.1


class ChaosTests(MachinesTestCase):
    """Nothing acknowledged is lost, nobody runs twice, nothing is left of nobody: with QEMUs."""

    timeout = 120 + 90 * ROUNDS
    network_mode = "tap"

    def test_killed_at_random(self) -> Deferred[None]:
        """After every round the cluster is whole: jobs, guests and what is left agree."""
        seed = int(os.environ.get("GANETID_CHAOS_SEED", str(random.randrange(10**6))))

        async def check() -> None:
            await self.make_cluster()
            self.disorder = Disorder(self.machines, self.hypervisor, seed)
            await self.disorder.prepare()
            for number in range(ROUNDS):
                begun = time.monotonic()
                try:
                    await self.disorder.round()
                    await self.check_all()
                except AssertionError as error:
                    where = f"seed {seed}, round {number}, {self.disorder.what}"
                    raise AssertionError(f"{where}: {error}") from error
                if ROUNDS > 3:
                    took = time.monotonic() - begun
                    print(f"round {number}: {self.disorder.what}, {took:.1f} s", flush=True)

        return Deferred.fromCoroutine(check())

    async def check_all(self) -> None:
        """One master, every job known and final, all nodes there, and nothing wrong."""
        await self.until(self.has_one_master, "there is one master", 60.0)
        client = self.disorder.master.client
        self.assertEqual(await wholeness.lost_jobs(client, self.disorder.acknowledged), [])
        await self.until(lambda: wholeness.have_ended(client), "all jobs have ended", 90.0)
        await self.until(self.all_nodes_answer, "all nodes answer", 30.0)
        await self.in_sync(self.disorder.master)
        wrong: list[str] = []
        for _ in range(LOOKS):
            wrong = await self.wrong()
            if not wrong:
                break
            await deferLater(reactor, PAUSE_S)
        self.assertEqual(wrong, [])
        self.assertEqual(await wholeness.run_once(client), [])
        self.assertEqual(await wholeness.held_locks(client), [])

    async def has_one_master(self) -> bool:
        """Whether one machine answers as master; it is the disorder's from now on."""
        found = await wholeness.masters(self.machines)
        if len(found) == 1:
            self.disorder.master = found[0]
        return len(found) == 1

    async def all_nodes_answer(self) -> bool:
        _, nodes = await self.disorder.master.client.call("GET", "/2/nodes?bulk=1")
        return all(node["mtotal"] is not None for node in nodes)

    async def wrong(self) -> list[str]:
        client = self.disorder.master.client
        return (
            await wholeness.misplaced(client, self.machines)
            + await wholeness.stray_taps(self.machines)
            + await wholeness.unequal_copies(self.disorder.master, self.machines)
        )


class FakeChaosTests(ChaosTests):
    """The same with guests that are fake: they go with their daemon, and start at once."""

    hypervisor = "fake"
    network_mode = "user"
    skip = None if "GANETID_CHAOS_ROUNDS" in os.environ else "only in the long form"

    async def wrong(self) -> list[str]:
        client = self.disorder.master.client
        return await wholeness.believed_misplaced(client) + await wholeness.unequal_copies(
            self.disorder.master, self.machines
        )
