"""
A real ganetid with fake guests, killed without warning while jobs of all kinds go on.

GANETID_CHAOS_ROUNDS: how often it is killed (3).  GANETID_CHAOS_SEED: to repeat a run.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError
from twisted.internet.task import deferLater
from twisted.web.client import ResponseFailed

from tests.ganetid.cluster import FINAL, Client, ClusterTestCase
from tests.ganetid.test_daemon import Daemon, free_port

ROUNDS = int(os.environ.get("GANETID_CHAOS_ROUNDS", "3"))
SEED = int(os.environ.get("GANETID_CHAOS_SEED", str(random.randrange(10**6))))
CHECKOUT = Path(__file__).parents[3]
CLIENTS = 4
TAGGED = ("tagged0", "tagged1")


class Ledger:
    """What was acknowledged: what each job is about."""

    def __init__(self) -> None:
        self.jobs: dict[int, str] = {}


class ChaosTests(ClusterTestCase):
    """Whatever was acknowledged is done once."""

    timeout = 60 + 40 * ROUNDS

    def setUp(self) -> None:
        super().setUp()
        self.port = free_port()
        self.config = self.directory / "ganetid.toml"
        self.config.write_text(
            f'state_dir = "{self.directory}/g"\nusers_file = "{self.directory}/users"\n'
            f'rapi_port = {self.port}\nhypervisor = "fake"\nnetwork_mode = "user"\n'
            'node_name = "node1"\n'
        )
        self.daemons: list[Daemon] = []
        self.addCleanup(self.kill)
        self.random = random.Random(SEED)
        self.ledger = Ledger()

    async def spawn(self) -> Client:
        """A new process on the same state; its client once it answers."""
        daemon = Daemon()
        self.daemons.append(daemon)
        twistd = str(Path(sys.executable).with_name("twistd"))
        reactor.spawnProcess(
            daemon,
            twistd,
            [twistd, "-n", "--pidfile=", "ganetid", "--config", str(self.config)],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            path=str(self.directory),
        )
        client = Client(self.port)
        for _ in range(600):
            if daemon.ended.called:
                raise AssertionError(daemon.said.decode())
            try:
                await client.call("GET", "/version")
            except (ConnectError, ResponseFailed):
                await deferLater(reactor, 0.05)
            else:
                return client
        raise AssertionError("it does not answer:\n" + daemon.said.decode())

    def kill(self) -> Deferred[Any] | None:
        daemon = self.daemons[-1] if self.daemons else None
        if daemon is None or daemon.ended.called:
            return None
        daemon.transport.signalProcess("KILL")
        return daemon.ended

    def wish(self) -> tuple[str, str, Any, str]:
        """A random request: method, path, body, and whose object it is about."""
        number = self.random.randrange(6)
        if self.random.random() < 0.5:
            name = self.random.choice(TAGGED)
            tag = self.random.randrange(10**9)
            return "PUT", f"/2/instances/{name}/tags?tag=t{tag}", None, name
        name = f"inst{number}"
        kind = self.random.choice(("create", "create", "remove", "startup", "cluster"))
        if kind == "create":
            return "POST", "/2/instances", body(name, number % 2 == 0), "create"
        if kind == "remove":
            return "DELETE", f"/2/instances/{name}", None, "remove"
        if kind == "startup":
            return "PUT", f"/2/instances/{name}/startup", None, "startup"
        return "PUT", f"/2/tags?tag=c{number}", None, "cluster"

    async def wish_until_killed(self, client: Client) -> None:
        while True:
            method, path, content, about = self.wish()
            try:
                status, answer = await client.call(method, path, content)
            except Exception:  # noqa: BLE001 - killed: whatever way the connection broke
                return
            self.assertEqual(status, 200, answer)
            self.assertNotIn(answer, self.ledger.jobs)
            self.ledger.jobs[answer] = about
            if self.random.random() < 0.2:
                try:
                    await client.call("DELETE", f"/2/jobs/{answer}")
                except Exception:  # noqa: BLE001 - as above
                    return

    async def round(self, client: Client) -> Client:
        """Wishes by many, a kill at some instant, and a start."""
        known = dict(self.ledger.jobs)
        wishers = [
            Deferred.fromCoroutine(self.wish_until_killed(Client(self.port)))
            for _ in range(CLIENTS)
        ]
        await deferLater(reactor, self.random.uniform(0.1, 1.2))
        await self.kill()
        await gatherResults(wishers)
        new = self.ledger.jobs.keys() - known.keys()
        self.assertGreater(min(new, default=10**9), max(known, default=0))
        client = await self.spawn()
        status, fresh = await client.call("PUT", "/2/tags?tag=after")
        self.assertEqual(status, 200)
        self.assertGreater(fresh, max(self.ledger.jobs, default=0))
        self.ledger.jobs[fresh] = "cluster"
        return client

    async def settled(self, client: Client) -> dict[int, dict[str, Any]]:
        """All jobs, once none is left to be done."""
        for _ in range(1200):
            _, left = await client.call("GET", "/2/jobs?status=queued,waiting,running&limit=1")
            if not left:
                _, jobs = await client.call("GET", "/2/jobs?bulk=1")
                return {job["id"]: job for job in jobs}
            await deferLater(reactor, 0.05)
        raise AssertionError(f"these jobs never end: {left}")

    async def check_once(self, client: Client, jobs: dict[int, dict[str, Any]]) -> None:
        """Each tag job that succeeded changed its instance, and changed it once."""
        for name in TAGGED:
            _, instance = await client.call("GET", f"/2/instances/{name}")
            done = [
                job
                for job in jobs.values()
                if job["ops"][0].get("name") == name and job["status"] == "success"
            ]
            tags = {job["ops"][0]["tags"][0] for job in done}
            self.assertEqual(set(instance["tags"]), tags, name)
            self.assertEqual(instance["serial_no"], 1 + len(done), name)

    def test_killed_again_and_again(self) -> Deferred[None]:
        """No acknowledged job is lost or run twice; every lock is free; ids only grow."""

        async def check() -> None:
            client = await self.spawn()
            for name in TAGGED:
                job = await client.job("POST", "/2/instances", body(name, start=False))
                self.assertEqual(job["status"], "success", job)
            for _ in range(ROUNDS):
                client = await self.round(client)
            jobs = await self.settled(client)
            lost = [job for job in self.ledger.jobs if job not in jobs]
            self.assertEqual(lost, [])
            for job in self.ledger.jobs:
                self.assertIn(jobs[job]["status"], FINAL)
            await self.check_once(client, jobs)
            _, locks = await client.call("GET", "/2/query/lock?fields=name,owner")
            self.assertEqual(locks["data"], [])
            done = [job for job in jobs.values() if job["status"] == "success"]
            self.assertGreater(len(done), 2 * ROUNDS, "it did next to nothing")

        def seeded(failure: Any) -> Any:
            print(f"GANETID_CHAOS_SEED={SEED}")
            return failure

        return Deferred.fromCoroutine(check()).addErrback(seeded)


def body(name: str, start: bool) -> dict[str, Any]:
    """An instance without disks."""
    return {
        "__version__": 1, "mode": "create", "instance_name": name, "disk_template": "diskless",
        "disks": [], "nics": [], "hypervisor": "fake", "os_type": "image+default", "start": start,
        "ip_check": False, "name_check": False, "no_install": True,
        "beparams": {"maxmem": 64, "minmem": 64},
    }  # fmt: skip
