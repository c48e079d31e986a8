"""
A cloud of one's own: real daemons started by twistd, on free ports, in a directory and a network
namespace that go with it.

All methods block.  `FourDaemons` is the cloud as hosts run it, with RabbitMQ and PostgreSQL;
`AllInOne` is `twistd synnefo`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openstack

from tests.live.postgresql import shared_server
from tests.live.rabbitmq import RabbitBroker

CHECKOUT = Path(__file__).resolve().parents[2]
TWISTD = Path(sys.executable).with_name("twistd")
START_S = 30.0
WATCHED = {"SYNNEFO_SLOW_MS": "200"}
HELD = "the reactor was held"


def guest_image() -> Path:
    """The raw disk image to boot, built when it isn't cached."""
    said = subprocess.run(
        [sys.executable, "tools/image"], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE
    )
    return Path(said.stdout.decode().splitlines()[-1])


def eventually(claim: Callable[[], Any], within_s: float, what: str) -> Any:
    """The first true value of `claim`; AssertionError naming `what` when there is none in time."""
    end = time.monotonic() + within_s
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def answers(url: str) -> bool:
    """Whether the API there says that it is well."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Daemon:
    """One twistd process.  Its output is kept in `log`."""

    def __init__(self, name: str, arguments: list[str], home: Path, env: dict[str, str]) -> None:
        self.name = name
        self.log = home / f"{name}.log"
        self._arguments = [str(TWISTD), "-n", "--pidfile=", name, *arguments]
        self._home = home
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._arguments,
                cwd=self._home,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), **WATCHED, **self._env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """kill -9, as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int | None:
        """SIGTERM; the exit status, or None when it was not running.  Fails after 20 s."""
        if self._process is None or self._process.poll() is not None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"{self.name} did not stop") from None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


class Cloud:
    """What both kinds of cloud have in common."""

    database_url: str

    def __init__(self, image: Path | None, may_tap: bool = True) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="snf-", dir="/tmp"))
        self.can_tap = may_tap and os.geteuid() == 0 and Path("/dev/net/tun").exists()
        self.namespace = f"{self.home.name}" if self.can_tap else None
        self.port, self.rapi_port, self.console_port = free_ports(3)
        self.image = image
        self.daemons: dict[str, Daemon] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start every daemon and wait until the API answers."""
        for daemon in self.daemons.values():
            daemon.start()
        self.wait_until_healthy()
        eventually(self.block_socket.exists, START_S, "the storage daemon listens")

    def wait_until_healthy(self) -> None:
        try:
            eventually(lambda: answers(self.url), START_S, "the API answers")
        except AssertionError:
            raise AssertionError(self.logs()) from None

    def logs(self) -> str:
        """The end of every daemon's log, for a failed test's message."""
        return "\n".join(
            f"==> {daemon.name}\n{daemon.log.read_text(errors='replace')[-60000:]}"
            for daemon in self.daemons.values()
            if daemon.log.exists()
        )

    def held_reactors(self) -> list[str]:
        """What the daemons say of callbacks that kept their reactor."""
        return [
            f"{daemon.name}: {said[:3000]}"
            for daemon in self.daemons.values()
            for said in daemon.log.read_text(errors="replace").split(HELD)[1:]
        ]

    def connect(self) -> Any:
        """An openstacksdk connection as the admin."""
        os.environ["OS_CLIENT_CONFIG_FILE"] = str(self.files / "clouds.yaml")
        loader = openstack.config.OpenStackConfig(
            config_files=[str(self.files / "clouds.yaml")], load_envvars=False
        )
        return openstack.connection.Connection(config=loader.get_one("synnefo"))

    @property
    def files(self) -> Path:
        """Where the first start left the admin's files."""
        return self.home

    @property
    def block_socket(self) -> Path:
        """Where the storage daemon listens."""
        return self.home / "block.sock"

    def in_network(self, *command: str) -> list[str]:
        """`command` as it must be started to reach the guests' network."""
        if self.namespace is None:
            return list(command)
        return ["ip", "netns", "exec", self.namespace, *command]

    def guests(self) -> list[str]:
        """Command lines of the QEMU processes of this cloud."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if "qemu-system" in line and str(self.home) in line:
                        found.append(line)
        return found

    def taps(self) -> list[str]:
        """Names of the tap devices in the cloud's namespace."""
        if self.namespace is None:
            return []
        said = subprocess.run(
            ["ip", "-n", self.namespace, "-br", "link", "show", "type", "tun"],
            check=True,
            stdout=subprocess.PIPE,
        )
        return said.stdout.decode().split("\n")[:-1]

    def end(self) -> None:
        """Stop everything and remove what it left."""
        for daemon in reversed(list(self.daemons.values())):
            daemon.stop()
        self._end_guests()
        if self.namespace is not None:
            subprocess.run(
                ["ip", "netns", "delete", self.namespace], check=False, stderr=subprocess.DEVNULL
            )
        shutil.rmtree(self.home, ignore_errors=True)

    def _end_guests(self) -> None:
        for pid_file in self.home.rglob("*.pid"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(pid_file.read_text())
                if str(self.home).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)


class AllInOne(Cloud):
    """`twistd synnefo`."""

    def __init__(
        self,
        image: Path | None,
        may_tap: bool = True,
        beside: Cloud | None = None,
        more: str | None = None,
    ) -> None:
        """
        beside: another cloud, whose network namespace this one is put into as well.  more:
        settings, which say what may_tap says otherwise.
        """
        super().__init__(image, may_tap)
        if beside is not None:
            self.namespace = beside.namespace
        self.database_url = f"sqlite:///{self.home}/synnefo.db"
        config = self.home / "synnefo.toml"
        config.write_text(
            f"port = {self.port}\nrapi_port = {self.rapi_port}\n"
            f"console_port = {self.console_port}\n"
            + (f'image = "{image}"\n' if image else "")
            + (f'network_namespace = "{self.namespace}"\n' if self.namespace else "")
            + ("" if may_tap or more else 'network_mode = "user"\n')
            # What "auto" sees is this process's own namespace, not the guests'.
            + ('network_cidr = "10.78.0.0/24"\n' if beside else "")
            + (more or "")
        )
        self.daemons["synnefo"] = Daemon(
            "synnefo", [], self.home, {"SYNNEFO_STATE": str(self.home)}
        )


class FourDaemons(Cloud):
    """archipelagod, ganetid, synnefo-api and synnefo-dispatcher; RabbitMQ and PostgreSQL."""

    def __init__(self, image: Path | None) -> None:
        super().__init__(image)
        self.broker = RabbitBroker.start()
        self.database_url = shared_server().new_database()
        self.private = self.home / "etc"
        self.private.mkdir(mode=0o700)
        (self.private / "rapi-password").write_text("synnefo-secret\n")
        (self.private / "rapi-users").write_text("synnefo synnefo-secret read,write\n")
        for name, text in self._configurations().items():
            config = self.private / f"{name}.toml"
            config.write_text(text)
            self.daemons[name] = Daemon(name, ["--config", str(config)], self.home, {})

    @property
    def files(self) -> Path:
        return self.home / "first"

    def _configurations(self) -> dict[str, str]:
        home, etc = self.home, self.private
        database = f'database_url = "{self.database_url}"\n'
        storage = (
            f'block_endpoint = "unix:{home}/block.sock"\n'
            f'block_secret_file = "{etc}/block.secret"\nnbd_socket = "{home}/nbd.sock"\n'
        )
        namespace = f'network_namespace = "{self.namespace}"\n' if self.namespace else ""
        return {
            "archipelagod": f'state_dir = "{home}/archipelagod"\n'
            f'listen = "unix:{home}/block.sock:mode=600"\n'
            f'secret_file = "{etc}/block.secret"\nnbd_socket = "{home}/nbd.sock"\n',
            "ganetid": f'state_dir = "{home}/ganetid"\nrapi_host = "127.0.0.1"\n'
            f'rapi_port = {self.rapi_port}\nusers_file = "{etc}/rapi-users"\n'
            f'amqp_url = "{self.broker.url}"\n{namespace}{storage}',
            "synnefo-dispatcher": f'{database}amqp_url = "{self.broker.url}"\n',
            "synnefo-api": f'{database}port = {self.port}\ntoken_keys = "{home}/token-keys"\n'
            f"{storage}[first_start]\n"
            f'files = "{home}/first"\n[first_start.cluster]\n'
            f'rapi_url = "https://127.0.0.1:{self.rapi_port}"\n'
            f'rapi_password_file = "{etc}/rapi-password"\n'
            f'ca_file = "{home}/ganetid/rapi.pem"\n',
        }

    def end(self) -> None:
        super().end()
        self.broker.stop()
