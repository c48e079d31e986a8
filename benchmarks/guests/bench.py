"""
The measurements.  Run by trial, for it makes machines and removes them.
"""

from __future__ import annotations

import os
import re
import time
from statistics import median
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from benchmarks.guests.crowd import processors, proportional_mib, ready
from benchmarks.guests.silence import Silence
from benchmarks.rapi.report import Figure
from tests.end_to_end.storage_nodes import GUEST, WRITER, StorageNodesTestCase
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.machines import Machine
from tests.live.linux_guest import kernel_and_initrd, make_initrd

ROUNDS = int(os.environ.get("GUESTS_ROUNDS", "5"))
CROWD = int(os.environ.get("GUESTS_CROWD", "20"))
BUSY_MIB = 256
SMALL_MIB = 96
# Without hardware's help a processor that is given too little time misses its timer's ticks, and a
# Linux that checks them panics; on KVM it does not check.
ARGS = "quiet no_timer_check"
BUSY = b"""#!/bin/busybox sh
(while true; do dd if=/dev/urandom of=/tmp/x bs=64k count=400 2>/dev/null; done) &
""" + WRITER.partition(b"\n")[2]


class GuestsBench(StorageNodesTestCase):
    """One cluster for all of them."""

    timeout = 1800

    def test_figures(self) -> Deferred[None]:
        """Starts, journeys, a crowd."""

        async def measure() -> None:
            client = await self.begin()
            await self.starts(client)
            await self.journeys(client)
            await self.crowd(client)

        return Deferred.fromCoroutine(measure())

    def figure(self, name: str, value: float, unit: str, goal: float) -> None:
        """Tell one that is better when it is less."""
        print(f"\n{Figure(f'guest-{name}', value, unit, goal).line()}", end="", flush=True)

    def body(self, name: str, node: str, memory_mib: int, **changes: Any) -> dict[str, Any]:
        """Of a guest with a Linux and a shell."""
        kernel, _ = kernel_and_initrd()
        initrd = self.directory / "initrd"
        if not initrd.exists():
            make_initrd(self.directory).chmod(0o644)
        hvparams = {"kernel_path": str(kernel), "initrd_path": str(initrd), "kernel_args": ARGS}
        given = create_body(
            name, hypervisor="kvm", pnode=node, hvparams=hvparams,
            beparams={"vcpus": 1, "memory": memory_mib},
            disks=[{"name": f"vol-{name}", "size": 64, "provider": "archipelago"}], **changes,
        )  # fmt: skip
        del given["osparams_private"]
        return given

    async def starts(self, client: Client) -> None:
        """From the request to `running`, of an instance that is made, and of one that is off."""
        made, started = [], []
        for number in range(ROUNDS):
            name = f"start{number}"
            made.append(await self.until_it_runs(
                client, name, "POST", "/2/instances", self.body(name, "node1", SMALL_MIB)
            ))  # fmt: skip
            path = f"/2/instances/{name}"
            await self.done(client, "PUT", f"{path}/shutdown", {"timeout": 0})
            started.append(await self.until_it_runs(client, name, "PUT", f"{path}/startup"))
            await self.done(client, "DELETE", path, {"shutdown_timeout": 0})
        self.figure("create-to-running", median(made), "ms", 500)
        self.figure("start-to-running", median(started), "ms", 500)

    async def until_it_runs(
        self, client: Client, name: str, method: str, path: str, given: Any = None
    ) -> float:
        begun_s = time.monotonic()
        await self.done(client, method, path, given)
        _, shown = await client.call("GET", f"/2/instances/{name}")
        assert shown["status"] == "running", shown
        return (time.monotonic() - begun_s) * 1000

    async def journeys(self, client: Client) -> None:
        """A guest that writes to its memory and its disk all the time goes to and fro."""
        await self.boot(client, "node1", BUSY_MIB, BUSY)
        consoles = [each.state / "instances" / GUEST / "console.log" for each in self.machines]
        hvparams = {"hvparams": {"migration_bandwidth": 0, "migration_downtime": 100}}
        await self.done(client, "PUT", f"/2/instances/{GUEST}/modify", hvparams)
        pauses, silences, whole = [], [], []
        for number in range(ROUNDS):
            target: Machine = self.machines[(number + 1) % 2]
            silence, begun_s = Silence(consoles), time.monotonic()
            path = f"/2/instances/{GUEST}/migrate"
            job = await self.done(client, "PUT", path, {"target_node": target.name})
            whole.append((time.monotonic() - begun_s) * 1000)
            await self.goes_on(target)
            silences.append(silence.end())
            paused = re.search(r"paused for (\d+) ms", str(job["oplog"]))
            assert paused is not None, job
            pauses.append(float(paused[1]))
        self.figure("migration-pause", median(pauses), "ms", 300)
        self.figure("migration-pause-longest", max(pauses), "ms", 300)
        self.figure("migration-silence", median(silences), "ms", 1000)
        self.figure("migration-job", median(whole), "ms", 10000)
        await self.done(client, "DELETE", f"/2/instances/{GUEST}", {"shutdown_timeout": 0})

    async def crowd(self, client: Client) -> None:
        """Small guests, all asked for at once."""
        one = self.machines[0]
        names = [f"crowd{number}" for number in range(CROWD)]
        begun_s = time.monotonic()
        jobs = [self.body(name, "node1", SMALL_MIB) for name in names]
        await gatherResults([
            Deferred.fromCoroutine(self.done(client, "POST", "/2/instances", each)) for each in jobs
        ])  # fmt: skip
        running_s = time.monotonic() - begun_s
        while len(ready(one, names)) < CROWD:
            assert time.monotonic() - begun_s < 600, ready(one, names)
            await deferLater(reactor, 0.1)
        up_s = time.monotonic() - begun_s
        pids = one.qemus()
        assert len(pids) == CROWD, pids
        taken_mib = proportional_mib(pids)
        print(f"\n  {CROWD} guests on {processors()} processors")
        self.figure(f"{CROWD}-running", running_s, "s", 10)
        self.figure(f"{CROWD}-up", up_s, "s", 120)
        self.figure(f"{CROWD}-memory-each", taken_mib / CROWD, "MiB", 2 * SMALL_MIB)
