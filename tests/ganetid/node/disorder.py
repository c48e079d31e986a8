"""
Mixed jobs for a cluster of three machines, and deaths in the middle of them.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.machines import Machine

NAMES = ("a", "b", "c", "d")
LEDGER = "ledger"  # an instance that only gets tags
NETWORK = "net"
WITH_GUESTS = 0.25  # of all deaths take a machine's guests with them
REFUSALS = (
    "lack acknowledged changes",
    "nodes answer",
    "nodes follow",
    "still hear the master",
    "not a master candidate",
    "does not end its work",
    "it is the master already",
    "ganetid does not answer",
)


def body(name: str, node: str, hypervisor: str, nics: int = 1) -> dict[str, Any]:
    """A guest without disks: its firmware is all that runs."""
    given = create_body(
        name, hypervisor=hypervisor, disk_template="diskless", disks=[], pnode=node, tags=[],
        beparams={"vcpus": 1, "memory": 64}, nics=[{"network": NETWORK, "ip": "pool"}] * nics,
    )  # fmt: skip
    del given["osparams_private"]
    return given


class Disorder:
    """
    What befalls the machines.

    acknowledged: numbers of jobs that were.  what: what happened in the last round, for a report.
    """

    def __init__(self, machines: list[Machine], hypervisor: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.machines = machines
        self.acknowledged: list[int] = []
        self.master = machines[0]
        self.what = ""
        self._hypervisor = hypervisor
        self._tags = 0

    async def prepare(self) -> None:
        """The network, and the instance that is never removed."""
        client = self.master.client
        given = {"network_name": NETWORK, "network": "10.7.0.0/24", "gateway": "10.7.0.1"}
        connected = {"group_name": "default", "network_mode": "bridged", "network_link": "gtbr1"}
        ledger = body(LEDGER, self.master.name, self._hypervisor, 0) | {"start": False}
        for method, path, wish in (
            ("POST", "/2/networks", given),
            ("PUT", f"/2/networks/{NETWORK}/connect", connected),
            ("POST", "/2/instances", ledger),
        ):
            job = await client.job(method, path, wish)
            assert job["status"] == "success", job

    async def round(self) -> None:
        """Jobs on all instances, and in the middle of them a death; all machines run at the end."""
        wishers = [
            Deferred.fromCoroutine(self._wish(self.master.client, name))
            for name in (*self.random.sample(NAMES, 3), LEDGER, LEDGER)
        ]
        await deferLater(reactor, self.random.random() * 0.8)
        await self.random.choice(
            [self._one_dies, self._one_dies, self._master_dies, self._master_dies,
             self._master_hands_over, self._master_is_cut_off]
        )()  # fmt: skip
        await gatherResults(wishers)

    async def _one_dies(self) -> None:
        victim = self.random.choice(self.machines)
        self.what = f"{victim.name} died"
        await self._kill(victim)
        await deferLater(reactor, self.random.random())
        victim.spawn()

    async def _master_dies(self) -> None:
        """A candidate is to take over while the old one is away, or just comes back."""
        self.what = f"the master {self.master.name} died"
        await self._kill(self.master)
        if self.random.random() < 0.3:
            self.master.spawn()
            await deferLater(reactor, self.random.random() * 3)
        await self._fail_over()
        if self.master.daemon is not None and self.master.daemon.ended.called:
            self.master.spawn()

    async def _master_hands_over(self) -> None:
        self.what = f"the master {self.master.name} handed over"
        await self._fail_over()

    async def _master_is_cut_off(self) -> None:
        """It runs on and hears nobody; others may choose another one, of which it hears later."""
        self.what = f"the master {self.master.name} was cut off"
        await self.master.cable("down")
        for _ in range(4):
            await deferLater(reactor, self.random.random() * 5)
            if await self._fail_over():
                break
        await self.master.cable("up")

    async def _fail_over(self) -> bool:
        """Whether a candidate took over, of which all are asked; what else they say is known."""
        others = [each for each in self.machines if each is not self.master]
        self.random.shuffle(others)
        for candidate in others:
            try:
                await candidate.admin("master-failover")
            except AssertionError as error:
                assert any(refusal in str(error) for refusal in REFUSALS), error
                self.what += f"; {candidate.name} may not: {str(error)[-160:]}"
            else:
                self.what += f"; {candidate.name} took over"
                return True
        return False

    async def _kill(self, victim: Machine) -> None:
        assert victim.daemon is not None
        if self.random.random() < WITH_GUESTS:
            self.what += " with its guests"
            await victim.kill()
        else:
            victim.daemon.transport.signalProcess("KILL")
            await victim.daemon.ended

    async def _wish(self, client: Client, name: str) -> None:
        """A job; nobody answers for one whose order was not acknowledged."""
        await deferLater(reactor, self.random.random() * 0.8)
        try:
            call = self._tag() if name == LEDGER else await self._order(client, name)
            status, job = await client.call(*call)
        except Exception:  # noqa: BLE001 - killed: whatever way the connection broke
            return
        if status == 200:
            self.acknowledged.append(job)

    def _tag(self) -> tuple[str, str, Any]:
        self._tags += 1
        return "PUT", f"/2/instances/{LEDGER}/tags?tag=t{self._tags}", None

    async def _order(self, client: Client, name: str) -> tuple[str, str, Any]:
        """Any job that makes sense for an instance of that name, or that does not."""
        status, _ = await client.call("GET", f"/2/instances/{name}")
        node = self.random.choice(self.machines).name
        if status == 404:
            return "POST", "/2/instances", body(name, node, self._hypervisor)
        path = f"/2/instances/{name}"
        calls: list[tuple[str, str, Any]] = [
            ("PUT", f"{path}/migrate", {"target_node": node}),
            ("PUT", f"{path}/migrate", {"allow_failover": True}),
            ("PUT", f"{path}/failover", {"shutdown_timeout": 0}),
            ("PUT", f"{path}/shutdown", {"timeout": 0}),
            ("PUT", f"{path}/startup", None),
            ("POST", f"{path}/reboot?type=hard", None),
            ("PUT", f"{path}/modify", {"nics": [["add", {"network": NETWORK, "ip": "pool"}]]}),
            ("PUT", f"{path}/modify", {"nics": [["remove", {}]]}),
            ("DELETE", path, {"shutdown_timeout": 0}),
        ]
        return self.random.choice(calls)
