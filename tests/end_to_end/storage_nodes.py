"""
Two machines of a cluster, each with an archipelagod of its own over one store; a guest that writes
to its disk all the time.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from archipelagod.service import shared_secret
from archipelagod.wire.client import BlockClient
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.machines import CHECKOUT, Daemon, Machine, MachinesTestCase
from tests.live.linux_guest import kernel_and_initrd, make_initrd

RING = 512  # sectors that the writer goes round
SECTOR = 512
GUEST = "writer"
VOLUME = "vol-writer"
WRITER = b"""#!/bin/busybox sh
disk=/dev/$(grep -l ^0 /sys/block/vd*/ro | cut -d/ -f4)  # the other is the config drive
n=0
while true; do
    n=$((n + 1))
    printf '%%-%ds' $n | dd of=$disk bs=%d seek=$((n %% %d)) conv=notrunc,fsync 2>/dev/null
    if [ $? = 0 ]; then echo "wrote $n"; else echo "lost $n"; fi >/dev/ttyS0
done
""" % (SECTOR, SECTOR, RING)
UIDS = list(range(58000, 58040))  # of guests


class Storage:
    """An archipelagod in a process of its own."""

    def __init__(self, name: str, directory: Path) -> None:
        self.home = directory / name
        self.wire, self.nbd = f"{self.home}.wire", f"{self.home}.nbd"
        self.secret = directory / "secret"
        self._config = Path(f"{self.home}.toml")
        self._config.write_text(
            f'state_dir = "{self.home}"\nlisten = "unix:{self.wire}:mode=600"\n'
            f'secret_file = "{self.secret}"\nnbd_socket = "{self.nbd}"\n'
            f'store = "file:{directory}/store"\n[nbd]\nuids = {UIDS}\n'
        )
        self.daemon = Daemon()
        self._client: BlockClient | None = None

    def spawn(self) -> None:
        """Start it."""
        self.daemon = Daemon()
        twistd = str(Path(sys.executable).with_name("twistd"))
        words = [twistd, "-n", "--pidfile=", "archipelagod", "--config", str(self._config)]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        reactor.spawnProcess(self.daemon, twistd, words, env=environment, path="/")

    @property
    def client(self) -> BlockClient:
        """A client of it."""
        if self._client is None:
            secret = shared_secret(str(self.secret))
            self._client = BlockClient(reactor, f"unix:{self.wire}", secret)
        return self._client

    def settings(self) -> str:
        """Those of a ganetid beside it."""
        return (
            f'nbd_socket = "{self.nbd}"\nblock_endpoint = "unix:{self.wire}"\n'
            f'block_secret_file = "{self.secret}"\n'
        )

    async def kill(self) -> None:
        """As if its power had failed; its workers end with it."""
        if self._client is not None:
            await self._client.close()
            self._client = None
        if self.daemon.transport is not None and not self.daemon.ended.called:
            self.daemon.transport.signalProcess("KILL")
            await self.daemon.ended


class StorageNodesTestCase(MachinesTestCase):
    """Both machines in one cluster; "node1" is its master."""

    numbers = (1, 2)

    def setUp(self) -> None:
        super().setUp()
        self.storages = [Storage(f"s{number}", self.directory) for number in self.numbers]
        self.addCleanup(lambda: Deferred.fromCoroutine(self._end_storages()))
        for machine, storage in zip(self.machines, self.storages, strict=True):
            machine.config.write_text(machine.config.read_text() + storage.settings())

    async def _end_storages(self) -> None:
        for storage in self.storages:
            if os.environ.get("GANETID_TEST_LOG"):
                print(storage.home.name, storage.daemon.said.decode())
            await storage.kill()

    async def begin(self) -> Client:
        """All daemons; the client of the master."""
        for storage in self.storages:
            storage.spawn()

        async def is_up() -> bool:
            return all(b"archipelagod is ready" in each.daemon.said for each in self.storages)

        await self.until(is_up, "storage is ready")
        return await self.make_cluster()

    async def done(self, client: Client, method: str, path: str, given: Any = None) -> Any:
        """The job that it makes, which succeeds."""
        job = await client.job(method, path, given)
        self.assertEqual(job["status"], "success", job)
        return job

    async def boot(
        self, client: Client, node: str, memory_mib: int = 256, program: bytes = WRITER
    ) -> None:
        """The guest, once it writes."""
        kernel, _ = kernel_and_initrd()
        initrd = make_initrd(self.directory, {"start": (0o755, program)})
        initrd = initrd.rename(self.directory / "initrd-writer")
        initrd.chmod(0o644)
        given = create_body(
            GUEST, hypervisor="kvm", pnode=node,
            disks=[{"name": VOLUME, "size": 64, "provider": "archipelago"}],
            beparams={"vcpus": 1, "memory": memory_mib}, osparams_private={},
            hvparams={"kernel_path": str(kernel), "initrd_path": str(initrd),
                      "kernel_args": "quiet no_timer_check"},  # for busy machines
        )  # fmt: skip
        await self.done(client, "POST", "/2/instances", given)
        await self.goes_on(self.machine(node))

    def machine(self, name: str) -> Machine:
        """By its name."""
        return next(each for each in self.machines if each.name == name)

    def written(self, machine: Machine) -> int:
        """The last write that the guest told on that machine to be on stable storage."""
        console = machine.state / "instances" / GUEST / "console.log"
        said = console.read_text(errors="replace") if console.exists() else ""
        self.assertNotIn("lost", said)
        return max((int(each) for each in re.findall(r"wrote (\d+)\r?\n", said)), default=0)

    async def goes_on(self, machine: Machine, since: int = 0) -> int:
        """Wait until it has written there what came after; its last write."""
        wanted = max(since, self.written(machine)) + 3

        async def has_written() -> bool:
            return self.written(machine) >= wanted

        await self.until(has_written, f"the guest writes on {machine.name}", 90)
        return self.written(machine)

    async def ring(self, storage: Storage) -> list[int]:
        """What the sectors of the ring hold."""
        content = await storage.client.read(VOLUME, 0, RING * SECTOR)
        sectors = (content[at : at + SECTOR] for at in range(0, len(content), SECTOR))
        return [int(each.rstrip(b"\0 ") or b"0") for each in sectors]

    async def nothing_lost(self, storage: Storage, last: int) -> None:
        """Every write up to `last` is in the volume, but for those that the ring wrote over."""
        found = await self.ring(storage)
        for number in range(max(1, last - RING + 1), last + 1):
            self.assertIn(found[number % RING], {number, number + RING})
