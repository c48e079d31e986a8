"""
ganetid as its own process, killed without warning, with real guests.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from ganetid.hypervisor.process import arguments_of
from tests.ganetid.cluster import NAME, Client, ClusterTestCase, create_body

CHECKOUT = Path(__file__).parents[2]
QEMU = "qemu-system-x86_64"


class Daemon(ProcessProtocol):
    """A twistd of ours; `ended` fires with its exit status, or minus its signal."""

    def __init__(self) -> None:
        self.said = b""
        self.ended: Deferred[int | None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.said += data

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        signal_number = getattr(reason.value, "signal", None)
        self.ended.callback(reason.value.exitCode if signal_number is None else -signal_number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DaemonTests(ClusterTestCase):
    """twistd ganetid."""

    timeout = 80

    def setUp(self) -> None:
        super().setUp()
        self.daemons: list[Daemon] = []
        self.port = free_port()
        self.config = self.directory / "ganetid.toml"
        self.config.write_text(
            f'state_dir = "{self.directory}/g"\nusers_file = "{self.directory}/users"\n'
            f'rapi_port = {self.port}\naccel = "tcg"\nnetwork_mode = "user"\n'
        )

        self.addCleanup(self.end_processes)

    def end_processes(self) -> Deferred[None]:
        async def end() -> None:
            for daemon in self.daemons:
                if os.environ.get("GANETID_TEST_LOG"):
                    print(daemon.said.decode())
                if not daemon.ended.called:
                    daemon.transport.signalProcess("KILL")
                    await daemon.ended
            for path in (self.directory / "g" / "run").glob("*/own/qemu.pid"):
                pid = int(path.read_text())
                if str(path) in arguments_of(pid):
                    os.kill(pid, signal.SIGKILL)

        return Deferred.fromCoroutine(end())

    def spawn(self) -> Daemon:
        daemon = Daemon()
        self.daemons.append(daemon)
        twistd = Path(sys.executable).with_name("twistd")
        arguments = [
            str(twistd), "-n", "--pidfile=", "ganetid", "--config", str(self.config)
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        reactor.spawnProcess(
            daemon, arguments[0], arguments, env=environment, path=str(self.directory)
        )
        return daemon

    async def up(self, daemon: Daemon) -> Client:
        """Its client, once it answers."""
        client = Client(self.port)
        for _ in range(300):
            if daemon.ended.called:
                raise AssertionError(daemon.said.decode())
            try:
                await client.call("GET", "/version")
            except Refused:  # not listening yet
                await deferLater(reactor, 0.05)
            else:
                return client
        raise AssertionError("it does not answer:\n" + daemon.said.decode())

    async def kill(self, daemon: Daemon) -> None:
        daemon.transport.signalProcess("KILL")
        await daemon.ended

    def create(self, **changes: Any) -> dict[str, Any]:
        return create_body(
            hypervisor="kvm", disk_template="file", disks=[{"name": "d0", "size": 1}], **changes
        )

    def need_qemu(self) -> None:
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")

    def qemus(self) -> list[int]:
        """Living QEMUs of this test's state directory."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                arguments = arguments_of(int(entry.name))
                if any(str(self.directory) in each for each in arguments) and any(
                    each == "-pidfile" for each in arguments
                ):
                    found.append(int(entry.name))
        return found

    def test_bad_settings(self) -> Deferred[None]:
        """Settings that can't be used are one line on the way out, and status 1."""

        async def check() -> None:
            with self.config.open("a") as stream:
                stream.write("no_such_key = 1\n")
            daemon = self.spawn()
            self.assertEqual(await daemon.ended, 1)
            last = daemon.said.decode().strip().splitlines()[-1]
            self.assertRegex(last, re.escape(str(self.config)) + ".*no_such_key")

        return Deferred.fromCoroutine(check())

    def test_port_taken(self) -> Deferred[None]:
        """A daemon that can't start says why and ends with status 1."""

        async def check() -> None:
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", self.port))
                taken.listen()
                daemon = self.spawn()
                self.assertEqual(await daemon.ended, 1)
            self.assertIn(str(self.port), daemon.said.decode())

        return Deferred.fromCoroutine(check())

    def test_guest_survives(self) -> Deferred[None]:
        """A guest runs on while ganetid is killed or stopped, and obeys the next one."""
        self.need_qemu()

        async def check() -> None:
            daemon = self.spawn()
            client = await self.up(daemon)
            job = await client.job("POST", "/2/instances", self.create())
            self.assertEqual(job["status"], "success", job)
            self.assertIn(NAME.encode(), daemon.said)
            before = self.qemus()
            self.assertEqual(len(before), 1)
            await self.kill(daemon)
            daemon = self.spawn()
            client = await self.up(daemon)
            daemon.transport.signalProcess("TERM")
            self.assertIn(await daemon.ended, (0, -signal.SIGTERM))  # twistd ends by its signal
            self.assertEqual(self.qemus(), before)
            client = await self.up(self.spawn())
            _, shown = await client.call("GET", f"/2/instances/{NAME}")
            self.assertEqual(shown["status"], "running")
            job = await client.job("PUT", f"/2/instances/{NAME}/shutdown", {"timeout": 0})
            self.assertEqual((job["status"], self.qemus()), ("success", []))
            job = await client.job("DELETE", f"/2/instances/{NAME}")
            self.assertEqual(job["status"], "success", job)
            for kind in ("instances", "run", "disks"):
                self.assertEqual(list((self.directory / "g" / kind).iterdir()), [], kind)

        return Deferred.fromCoroutine(check())

    def test_killed_while_creating(self) -> Deferred[None]:
        """Killed at any moment of a create: it is there whole afterwards, or not at all."""
        self.need_qemu()

        async def check() -> None:
            daemon = self.spawn()
            client = await self.up(daemon)
            for number, delay_s in enumerate((0.0, 0.02, 0.05, 0.09, 0.14)):
                name = f"snf-{number}"
                body = {**self.create(), "instance_name": name}
                job = await client.submit("POST", "/2/instances", body)
                await deferLater(reactor, delay_s)
                await self.kill(daemon)
                daemon = self.spawn()
                client = await self.up(daemon)
                ended = await client.ended(job)
                status, _ = await client.call("GET", f"/2/instances/{name}")
                left = [
                    kind
                    for kind in ("instances", "run", "disks")
                    if (self.directory / "g" / kind / name).exists()
                ]
                if ended["status"] == "success":
                    self.assertEqual((status, len(left), len(self.qemus())), (200, 3, 1))
                    await client.job("DELETE", f"/2/instances/{name}", {"shutdown_timeout": 0})
                else:
                    self.assertIn("interrupted", ended["opresult"][0][1][0])
                    self.assertEqual((status, left, self.qemus()), (404, [], []))
                again = await client.job("POST", "/2/instances", body)
                self.assertEqual(again["status"], "success", again)
                await client.job("DELETE", f"/2/instances/{name}", {"shutdown_timeout": 0})

        return Deferred.fromCoroutine(check())
