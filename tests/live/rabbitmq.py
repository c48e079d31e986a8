"""
A RabbitMQ broker of one's own, on free ports, in a directory that goes with it.

Debian's wrapper changes user and finds the system's configuration, so the server's own script is
run with everything it could look for set here.  The Erlang port mapper is ours too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SkipTest

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
HANDSHAKE = b"AMQP\x00\x00\x09\x01"
LOOPBACK = "127.0.0.1"


class BrokerFailed(Exception):
    """RabbitMQ did not come up; the text ends with the end of its log."""


class RabbitBroker:
    """One broker.  All methods block until done.  heartbeat_s: what it proposes to clients."""

    def __init__(self, heartbeat_s: int = 60) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="synnefo-rabbit-"))
        self._port, self._tls_port, self._dist_port, self._epmd_port = _free_ports(4)
        self._heartbeat_s = heartbeat_s
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @classmethod
    def start(cls, heartbeat_s: int = 60) -> RabbitBroker:
        """A broker that answers; stopped at the latest when Python exits.  Raises SkipTest."""
        if not SERVER.exists():
            raise SkipTest("no RabbitMQ here (Debian package rabbitmq-server)")
        broker = cls(heartbeat_s)
        atexit.register(broker.stop)
        try:
            broker._configure()
            broker._start_port_mapper()
            broker.restart()
        except BaseException:
            broker.stop()
            raise
        return broker

    @property
    def url(self) -> str:
        """Where clients find it; the same after a restart."""
        return f"amqp://guest:guest@{LOOPBACK}:{self._port}/"

    @property
    def tls_url(self) -> str:
        """The same over TLS, with the certificate to trust."""
        trusted = quote(str(self._home / "certificate.pem"), safe="")
        return f"amqps://guest:guest@localhost:{self._tls_port}/?cacertfile={trusted}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def log(self) -> str:
        """What the server has said."""
        return (self._home / "output").read_text(errors="replace")

    def kill(self) -> None:
        """As a power loss would: kill -9."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the server: its connections stay, and say nothing."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)
        # on a busy machine it may be a while until all of its threads stand still
        os.waitid(os.P_PID, self._server.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """End the `pause`."""
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def restart(self, timeout_s: float = 60.0) -> None:
        """Start the server with the data it has, after ending the one that runs."""
        self._signal(signal.SIGTERM)
        with (self._home / "output").open("ab") as output:
            self._server = subprocess.Popen(
                [SERVER], env=self._environment(), cwd=self._home,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise BrokerFailed(self.log[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End server and port mapper, and remove their directory.  Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        self._signal(signal.SIGTERM)
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
        shutil.rmtree(self._home, ignore_errors=True)
        atexit.unregister(self.stop)

    def _configure(self) -> None:
        _write_certificate(self._home / "certificate.pem", self._home / "key.pem")
        (self._home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {LOOPBACK}:{self._port}\n"
            f"listeners.ssl.1 = {LOOPBACK}:{self._tls_port}\n"
            f"ssl_options.cacertfile = {self._home}/certificate.pem\n"
            f"ssl_options.certfile = {self._home}/certificate.pem\n"
            f"ssl_options.keyfile = {self._home}/key.pem\n"
            "ssl_options.verify = verify_none\n"
            f"heartbeat = {self._heartbeat_s}\n"
            "disk_free_limit.absolute = 10MB\n"
            "log.console = true\nlog.file = false\n"
        )
        (self._home / "plugins").write_text("[].\n")
        (self._home / "environment").write_text("")

    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        return {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_CONF_ENV_FILE": f"{home}/environment",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/none.config",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{home}/generated",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
            "RABBITMQ_NODENAME": f"synnefo{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +SDio 1 +A 4",
            "detached": "true",  # the script becomes the server, whose process id we then have
        }

    def _start_port_mapper(self) -> None:
        self._epmd = subprocess.Popen(
            ["epmd", "-port", str(self._epmd_port), "-address", LOOPBACK],
            env={"PATH": os.environ["PATH"], "HOME": str(self._home)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not _connects(self._epmd_port):
            if time.monotonic() > deadline:
                raise BrokerFailed("epmd does not listen")
            time.sleep(0.02)

    def _answers(self) -> bool:
        """It greets, so all of it has started."""
        try:
            with socket.create_connection((LOOPBACK, self._port), timeout=5) as client:
                client.sendall(HANDSHAKE)
                return client.recv(1) == b"\x01"
        except OSError:
            return False

    def _signal(self, number: int) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(number)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@cache
def shared_broker() -> RabbitBroker:
    """One broker for all tests of a run: started by the first, stopped at Python's exit."""
    return RabbitBroker.start()


def _write_certificate(certificate_path: Path, key_path: Path) -> None:
    """A certificate of its own making for localhost, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind((LOOPBACK, 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _connects(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=5).close()
    except OSError:
        return False
    return True
