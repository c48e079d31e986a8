"""
Machines in network namespaces of their own, on one bridge: daemons as processes, real QEMUs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.client import ResponseFailed, ResponseNeverReceived

from ganetid.hypervisor.process import arguments_of
from tests.ganetid.cluster import USERS, Client

CHECKOUT = Path(__file__).parents[3]
SUBNET = f"10.{os.getpid() % 100 + 100}.77"
OUTSIDE = f"{SUBNET}.254"
INSIDE = "eth0"  # of every machine
RPC_PORT = 1811
RAPI_PORT = 5080


class Daemon(ProcessProtocol):
    """A process of ours; `ended` fires when it has ended."""

    def __init__(self) -> None:
        self.said = b""
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.said += data

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(None)


def run(*words: str) -> str:
    """What a program says; blocks."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class RemoteClient(Client):
    """The remote API of a machine."""

    def __init__(self, host: str) -> None:
        super().__init__(RAPI_PORT)
        self._base = f"https://{host}:{RAPI_PORT}"


class Machine:
    """A namespace with a daemon in it."""

    def __init__(
        self, number: int, directory: Path, hypervisor: str, network_mode: str = "user"
    ) -> None:
        self.name = f"node{number}"
        self.address = f"{SUBNET}.{number}"
        self.namespace = f"t-g{os.getpid()}-{number}"
        self.outside = f"t-go{os.getpid()}{number}"[:15]
        self.state = directory / self.name
        self.config = directory / f"{self.name}.toml"
        self.client = RemoteClient(self.address)
        self.daemon: Daemon | None = None
        self.config.write_text(
            f'state_dir = "{self.state}"\nusers_file = "{directory}/users"\n'
            f'node_name = "{self.name}"\nnode_host = "{self.address}"\nnode_port = {RPC_PORT}\n'
            f'rapi_host = "{self.address}"\nrapi_port = {RAPI_PORT}\n'
            f'hypervisor = "{hypervisor}"\naccel = "tcg"\nnetwork_mode = "{network_mode}"\n'
        )

    def spawn(self) -> None:
        daemon = self.daemon = Daemon()
        twistd = str(Path(sys.executable).with_name("twistd"))
        words = ["ip", "netns", "exec", self.namespace, twistd, "-n", "--pidfile=",
                 "ganetid", "--config", str(self.config)]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        reactor.spawnProcess(daemon, "ip", words, env=environment, path=str(self.state.parent))

    async def admin(self, *words: str) -> str:
        """What `ganetid-admin` says here.  Raises AssertionError when it fails."""
        output, errors, status = await getProcessOutputAndValue(
            "ip",
            ["netns", "exec", self.namespace, sys.executable, "-m", "ganetid.admin", "--config",
             str(self.config), *words],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip
        assert status == 0, (words, output, errors)
        return str(output.decode())

    def qemus(self) -> list[int]:
        """Process ids of its guests."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                arguments = arguments_of(int(entry.name))
                if any(f"{self.state}/" in each for each in arguments) and any(
                    "qemu-system" in each for each in arguments[:1]
                ):
                    found.append(int(entry.name))
        return found

    def guest_of(self, pid: int) -> str:
        """The instance whose process it is."""
        words = arguments_of(pid)
        name = words[words.index("-name") + 1] if "-name" in words else "?"
        return name.split(",")[0].removeprefix("guest=")

    async def cable(self, state: str) -> None:
        """The cable to all others: up or down."""
        await deferToThread(run, "ip", "link", "set", self.outside, state)

    async def kill(self) -> None:
        """As if its power had failed: the daemon and all guests at once."""
        guests = self.qemus()
        if self.daemon is not None and not self.daemon.ended.called:
            self.daemon.transport.signalProcess("KILL")
        for pid in guests:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.daemon is not None:
            await self.daemon.ended


class MachinesTestCase(TestCase):
    """Three machines, or as many as `numbers` names; what is left of them is removed."""

    timeout = 240
    numbers: tuple[int, ...] = (1, 2, 3)
    hypervisor = "kvm"
    network_mode = "user"

    def setUp(self) -> None:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise SkipTest("network namespaces can't be made")
        if self.hypervisor == "kvm" and shutil.which("qemu-system-x86_64") is None:
            raise SkipTest("there is no QEMU")
        self.directory = Path(tempfile.mkdtemp(prefix="gnt"))
        self.directory.chmod(0o755)
        (self.directory / "users").write_text(USERS)
        self.machines = [
            Machine(number, self.directory, self.hypervisor, self.network_mode)
            for number in self.numbers
        ]
        self.addCleanup(self.tear_down_all)
        self._make_network()

    def _make_network(self) -> None:
        self.bridge = f"t-gb{os.getpid()}"[:15]
        try:
            run("ip", "link", "add", self.bridge, "type", "bridge")
        except subprocess.CalledProcessError as error:
            raise SkipTest("network namespaces can't be made") from error
        run("ip", "address", "add", f"{OUTSIDE}/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        for machine in self.machines:
            run("ip", "netns", "add", machine.namespace)
            run("ip", "link", "add", machine.outside, "type", "veth", "peer", "name", INSIDE,
                "netns", machine.namespace)  # fmt: skip
            run("ip", "link", "set", machine.outside, "master", self.bridge, "up")
            for words in (
                ("link", "set", "lo", "up"),
                ("address", "add", f"{machine.address}/24", "dev", INSIDE),
                ("link", "set", INSIDE, "up"),
            ):
                run("ip", "-netns", machine.namespace, *words)

    def tear_down_all(self) -> Deferred[None]:
        async def end() -> None:
            for machine in self.machines:
                if os.environ.get("GANETID_TEST_LOG") and machine.daemon is not None:
                    print(machine.name, machine.daemon.said.decode())
                await machine.kill()
            await deferToThread(self._remove_network)
            shutil.rmtree(self.directory, ignore_errors=True)

        return Deferred.fromCoroutine(end())

    def _remove_network(self) -> None:
        for machine in self.machines:
            # What goes with a namespace goes some time later, and its name is wanted again.
            for words in (
                ("link", "delete", machine.outside),
                ("netns", "delete", machine.namespace),
            ):
                subprocess.run(["ip", *words], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)

    async def up(self, machine: Machine) -> None:
        """Wait for its remote API."""
        await self.until(lambda: self._answers(machine), f"{machine.name} answers")

    async def _answers(self, machine: Machine) -> bool:
        try:
            await machine.client.call("GET", "/version")
        except Exception as error:
            if machine.daemon is not None and machine.daemon.ended.called:
                raise AssertionError(machine.daemon.said.decode()) from error
            return False
        return True

    async def until(self, true: Callable[[], Any], what: str, patience_s: float = 60.0) -> None:
        """Wait until it is true, looking often."""
        for _ in range(int(patience_s / 0.1)):
            try:
                if await true():
                    return
            except (ResponseFailed, ResponseNeverReceived):
                pass
            await deferLater(reactor, 0.1)
        raise AssertionError(f"not in {patience_s} s: {what}")

    async def make_cluster(self) -> Client:
        """All in one cluster; the client of its master."""
        first, *others = self.machines
        await first.admin("init")
        first.spawn()
        await self.up(first)
        jobs = []
        for machine in others:
            token = (await first.admin("node", "add", machine.name)).strip()
            said = await machine.admin("node", "join", "--token", token)
            machine.spawn()
            jobs.append(int(said.split("job ")[1].split(" ")[0]))
        for job in jobs:
            ended = await first.client.ended(job)
            assert ended["status"] == "success", ended
        await self.in_sync(first, len(self.machines))
        return first.client

    async def in_sync(self, master: Machine, count: int = 3) -> None:
        """Wait until so many nodes have every commit."""

        async def look() -> bool:
            import json

            return len(json.loads(await master.admin("status"))["view"]["in_sync"]) == count

        await self.until(look, f"{count} in sync")
