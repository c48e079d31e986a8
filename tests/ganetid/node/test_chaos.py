"""
Daemons are killed without warning at random instants of mixed jobs, some with their guests.

GANETID_CHAOS_ROUNDS (1), GANETID_CHAOS_SEED.
"""

from __future__ import annotations

import os
import random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.ganetid.cluster import FINAL, Client
from tests.ganetid.node.machines import Machine, MachinesTestCase
from tests.ganetid.node.test_three_machines import body

ROUNDS = int(os.environ.get("GANETID_CHAOS_ROUNDS", "1"))
WITH_GUESTS = 0.25  # of all deaths take a machine's guests with them
NAMES = ("a", "b", "c", "d")


class ChaosTests(MachinesTestCase):
    """Nothing acknowledged is lost, nobody runs twice, nothing is left of nobody."""

    timeout = 120 + 60 * ROUNDS

    def test_killed_at_random(self) -> Deferred[None]:
        """After every round the cluster is whole: jobs, guests and what is left agree."""
        seed = int(os.environ.get("GANETID_CHAOS_SEED", str(random.randrange(10**6))))
        self.random = random.Random(seed)

        async def check() -> None:
            client = await self.make_cluster()
            self.acknowledged: list[int] = []
            for number in range(ROUNDS):
                await self.disturb(client)
                await self.check_all(client, f"seed {seed}, round {number}")

        return Deferred.fromCoroutine(check())

    async def disturb(self, client: Client) -> None:
        """Jobs on all instances, and in the middle of them a death."""
        for name in self.random.sample(NAMES, 3):
            await self.order(client, name)
        await deferLater(reactor, self.random.random() * 0.6)
        victim = self.random.choice(self.machines)
        assert victim.daemon is not None
        if self.random.random() < WITH_GUESTS:
            await victim.kill()
        else:
            victim.daemon.transport.signalProcess("KILL")
            await victim.daemon.ended
        await deferLater(reactor, self.random.random())
        victim.spawn()
        await self.up(self.machines[0])

    async def order(self, client: Client, name: str) -> None:
        """Any job that makes sense for an instance of that name, or that does not."""
        status, _ = await client.call("GET", f"/2/instances/{name}")
        node = self.random.choice(self.machines).name
        if status == 404:
            call: tuple[str, str, Any] = ("POST", "/2/instances", body(name, node))
        else:
            path = f"/2/instances/{name}"
            call = self.random.choice(
                [
                    ("PUT", f"{path}/migrate", {"target_node": node}),
                    ("PUT", f"{path}/migrate", {"allow_failover": True}),
                    ("PUT", f"{path}/failover", {"shutdown_timeout": 0}),
                    ("PUT", f"{path}/shutdown", {"timeout": 0}),
                    ("PUT", f"{path}/startup", None),
                    ("POST", f"{path}/reboot?type=hard", None),
                    ("DELETE", path, {"shutdown_timeout": 0}),
                ]
            )
        self.acknowledged.append(await client.submit(*call))

    async def check_all(self, client: Client, where: str) -> None:
        await self.until(lambda: self.have_ended(client), f"all jobs have ended, {where}", 90.0)
        await self.until(lambda: self.all_nodes_answer(client), f"all nodes answer, {where}", 30.0)
        wrong: list[str] = []
        for _ in range(100):
            wrong = await self.wrong(client, where)
            if not wrong:
                return
            await deferLater(reactor, 0.1)
        self.fail(f"{wrong}, {where}")

    async def have_ended(self, client: Client) -> bool:
        """Every acknowledged job is known, and final."""
        _, jobs = await client.call("GET", "/2/jobs?bulk=1")
        states = {job["id"]: job["status"] for job in jobs}
        missing = [job for job in self.acknowledged if job not in states]
        assert not missing, f"jobs {missing} were acknowledged and are lost"
        return all(status in FINAL for status in states.values())

    async def all_nodes_answer(self, client: Client) -> bool:
        for machine in self.machines:
            _, node = await client.call("GET", f"/2/nodes/{machine.name}")
            if node["mtotal"] is None:
                return False
        return True

    async def wrong(self, client: Client, where: str) -> list[str]:
        """Guests that run where they are not configured, or are shown as what they are not."""
        _, shown = await client.call("GET", "/2/instances?bulk=1")
        places = {each["name"]: each["pnode"] for each in shown}
        running = {machine.name: self.guests(machine) for machine in self.machines}
        for name in NAMES:
            count = sum(guests.count(name) for guests in running.values())
            assert count <= 1, f"{name} runs {count} times: {running}, {where}"
        strays = [
            f"{name} runs on {node}, its place is {places.get(name)}"
            for node, guests in running.items()
            for name in guests
            if places.get(name) != node
        ]
        return strays + [
            f"{each['name']} is {each['status']} on {each['pnode']}, QEMUs are {running}"
            for each in shown
            if each["oper_state"] != (each["name"] in running[each["pnode"]])
        ]

    def guests(self, machine: Machine) -> list[str]:
        """Names of guests that have a QEMU there."""
        return [machine.guest_of(pid) for pid in machine.qemus()]
