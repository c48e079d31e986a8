"""
Several ganetids in one process, each with its own state, that reach one another by real node RPC.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ganetid.admin.main import main
from ganetid.disks.blocks import MemoryBlocks, MemoryVolume
from ganetid.hypervisor.fake import FakeHypervisor
from ganetid.service import Ganetid, build_service
from ganetid.settings import GanetiSettings
from tests.ganetid.cluster import USERS, Client, Listener


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(true: Callable[[], Any], what: str, patience_s: float = 20.0) -> None:
    """Wait until it is true, looking often."""
    for _ in range(int(patience_s / 0.02)):
        if true():
            return
        await deferLater(reactor, 0.02)
    raise AssertionError(f"not in {patience_s} s: {what}")


def command(config: Path, *words: str, fed: str = "") -> str:
    """What `ganetid-admin` prints; blocks.  Raises AssertionError when it fails."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(["--config", str(config), *words], standalone_mode=False)
    return said.getvalue()


class ManyTestCase(TestCase):
    """Machines by name; disks of all are the same storage."""

    timeout = 90

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="gnt"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "users").write_text(USERS)
        self.listener = Listener()
        self.blocks = MemoryBlocks()
        self.blocks.volumes["image"] = MemoryVolume("image", 1024 * 1024, read_only=True)
        self.machines: dict[str, Ganetid] = {}
        self.worlds: dict[str, dict[str, Any]] = {}
        self.hypervisors: dict[str, FakeHypervisor] = {}
        self.ports: dict[str, int] = {}
        self.addCleanup(self.stop_all)

    def stop_all(self) -> Deferred[None]:
        async def stop() -> None:
            for machine in self.machines.values():
                if machine.running:
                    await machine.stopService()

        return Deferred.fromCoroutine(stop())

    def settings(self, name: str, **changes: Any) -> GanetiSettings:
        port = self.ports.setdefault(name, free_port())
        given = {
            "state_dir": str(self.directory / name),
            "users_file": str(self.directory / "users"),
            "rapi_port": 0,
            "node_name": name,
            "node_port": port,
            "hypervisor": "fake",
            **changes,
        }
        lines = [
            f"{key} = {json.dumps(value)}" for key, value in given.items() if value is not None
        ]
        self.config(name).write_text("\n".join(lines) + "\n")
        return GanetiSettings(**given)

    def config(self, name: str) -> Path:
        return self.directory / f"{name}.toml"

    async def start(self, name: str, **changes: Any) -> Ganetid:
        """Start a machine's daemon, perhaps again."""
        world = self.worlds.setdefault(name, {})
        hypervisor = self.hypervisors[name] = FakeHypervisor(reactor, world)
        service = build_service(
            self.settings(name, **changes), reactor, self.listener, self.blocks, hypervisor
        )
        self.machines[name] = service
        service.startService()
        await service.when_ready()
        return service

    async def stop(self, name: str) -> None:
        await self.machines[name].stopService()

    async def admin(self, name: str, *words: str) -> str:
        """What `ganetid-admin` says on a machine."""
        return await deferToThread(command, self.config(name), *words)

    async def join(self, master: str, name: str) -> None:
        """Let a machine join, and start it."""
        self.settings(name)
        token = (await self.admin(master, "node", "add", name)).strip()
        said = await self.admin(name, "node", "join", "--token", token)
        job = int(said.split("job ")[1].split(" ")[0])
        await self.start(name)
        ended = await self.client(master).ended(job)
        self.assertEqual(ended["status"], "success", ended)
        await self.all_reachable(master)

    async def all_reachable(self, master: str) -> None:
        half = self.machines[master].master
        assert half is not None and half.fleet is not None
        fleet = half.fleet
        await until(
            lambda: fleet.remote() and all(node.is_reachable for node in fleet.remote()),
            "all nodes up",
        )

    async def three(self) -> Client:
        """node1, the master, with node2 and node3."""
        await self.start("node1")
        await self.join("node1", "node2")
        await self.join("node1", "node3")
        return self.client("node1")

    def client(self, name: str) -> Client:
        return Client(self.machines[name].rapi_port)
