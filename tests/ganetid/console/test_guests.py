"""
Consoles of a real QEMU, through the proxy as an operator starts it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import SkipTest, TestCase

from ganetid.console.tokens import Kind, ticket, token_of
from tests.ganetid.boot_sector import boot_sector
from tests.ganetid.console.clients import Browser, Heard
from tests.live.cloud import Daemon, eventually, free_ports

reactor: Any = global_reactor
QEMU = "qemu-system-x86_64"
BANNER = b"RFB 003.008\n"
SECURITY = b"\x01\x01"  # one kind, which is none
WIDTH_HEIGHT = 4


class Bench:
    """One guest and one proxy, for the whole run."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="con"))
        self.secret = self.directory / "secret"
        self.run = self.directory / "run" / "web"
        self.run.mkdir(parents=True)
        self.websocket_port, self.vnc_port = free_ports(2)
        self._guest = subprocess.Popen(self._qemu())
        self.proxy = Daemon("ganetid-console", ["--config", self._config()], self.directory, {})
        self.proxy.start()
        atexit.register(self.stop)
        eventually(self._is_up, 60, "the proxy and the guest are up")

    def stop(self) -> None:
        self._guest.kill()
        self._guest.wait()
        self.proxy.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def token(self, kind: Kind) -> str:
        secret = self.secret.read_text().strip().encode()
        place = str(self.run / f"{kind}.sock")
        return token_of(secret, ticket("web", kind, "one", place, time.time()))

    def _is_up(self) -> bool:
        there = (self.secret, self.run / "serial.sock", self.run / "vnc.sock")
        return all(each.exists() for each in there) and _listens(
            {self.websocket_port, self.vnc_port}
        )

    def _qemu(self) -> list[str]:
        disk = self.directory / "disk"
        disk.write_bytes(boot_sector("the guest is up").ljust(1024 * 1024, b"\0"))
        return [
            *(QEMU, "-accel", "tcg", "-m", "32", "-nodefaults", "-display", "none"),
            *("-drive", f"file={disk},format=raw,if=virtio", "-device", "VGA"),
            *("-vnc", f"unix:{self.run}/vnc.sock", "-serial", "chardev:s"),
            *("-chardev", f"socket,id=s,path={self.run}/serial.sock,server=on,wait=off"),
        ]

    def _config(self) -> str:
        config = self.directory / "console.toml"
        config.write_text(
            f'secret_file = "{self.secret}"\nstate_dir = "{self.directory}/state"\n'
            f'socket_directories = ["{self.directory}/run"]\nnode_name = "one"\n'
            f"websocket_port = {self.websocket_port}\nvnc_port = {self.vnc_port}\n"
        )
        return str(config)


@cache
def bench() -> Bench:
    """The one."""
    if shutil.which(QEMU) is None:
        raise SkipTest(f"there is no {QEMU}")
    return Bench()


class GuestConsoleTests(TestCase):
    """Consoles of a guest."""

    timeout = 120

    def setUp(self) -> None:
        self.bench = bench()

    async def connect(self, port: int, client: Protocol) -> None:
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), client)
        transport: Any = client.transport
        self.addCleanup(transport.abortConnection)

    def test_screen(self) -> Deferred[None]:
        """A whole RFB handshake with QEMU goes through a WebSocket, up to the screen's size."""

        async def check() -> None:
            browser = Browser(self.bench.token("vnc"))
            await self.connect(self.bench.websocket_port, browser)
            await browser.until(lambda said: said == BANNER, "the banner")
            browser.say(BANNER)
            await browser.until(lambda said: said == BANNER + SECURITY, "kinds of security")
            browser.say(b"\x01")
            before = len(BANNER + SECURITY) + 4
            await browser.until(lambda said: len(said) == before, "the result")
            self.assertEqual(browser.heard[-4:], bytes(4))
            browser.say(b"\x01")
            await browser.until(lambda said: len(said) >= before + 24, "the screen")
            size = browser.heard[before : before + WIDTH_HEIGHT]
            width, height = int.from_bytes(size[:2], "big"), int.from_bytes(size[2:], "big")
            self.assertTrue(300 <= width <= 2000 and 200 <= height <= 2000, (width, height))

        return Deferred.fromCoroutine(check())

    def test_plain(self) -> Deferred[None]:
        """So it does over TCP after a token."""

        async def check() -> None:
            client = Heard()
            await self.connect(self.bench.vnc_port, client)
            transport: Any = client.transport
            transport.write(self.bench.token("vnc").encode() + b"\n" + BANNER)
            await client.until(lambda said: said == BANNER + SECURITY, "banner and security")

        return Deferred.fromCoroutine(check())

    def test_serial(self) -> Deferred[None]:
        """What is typed at the serial console comes to the guest, and its answer back."""

        async def check() -> None:
            browser = Browser(self.bench.token("serial"))
            await self.connect(self.bench.websocket_port, browser)
            self.assertEqual(await browser.until_answered(), 101)
            for attempt in range(100):
                browser.say(f"<{attempt}>".encode())
                try:
                    await browser.until(lambda said: b">" in said, "an echo", 1)
                except AssertionError:
                    continue  # it may not have booted yet
                break
            browser.heard = b""
            browser.say(b"typed by the user")
            await browser.until(lambda said: b"typed by the user" in said, "the echo")

        return Deferred.fromCoroutine(check())

    def test_nothing_shown(self) -> None:
        """Tokens are in no argument and no environment of the proxy, nor is its secret."""
        secret = self.bench.secret.read_text().strip()
        for name in ("cmdline", "environ"):
            content = Path(f"/proc/{self.bench.proxy.pid}/{name}").read_bytes()
            self.assertNotIn(secret.encode(), content)
        self.assertEqual(os.stat(self.bench.directory / "state").st_mode & 0o777, 0o700)


def _listens(ports: set[int]) -> bool:
    """Whether somebody listens on all of the ports."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = {
        int(line.split()[1].split(":")[1], 16) for line in lines if line.split()[3] == "0A"
    }
    return ports <= listening
