"""
A guest in a real QEMU with emulated processors, for tests that wait for it: console, SSH and QMP.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

CHECKOUT = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-x86_64"
PATIENCE_S = 90.0  # many times what a start takes, for machines that do other things as well
MEMORY_MIB = 128


def why_not() -> str | None:
    """
    Why no guest can run here; None if one can.
    """
    for program in (QEMU, "ssh", "ssh-keygen", "mtools"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None


def image() -> Path:
    """
    The built image, made at the first call.
    """
    command = [sys.executable, str(CHECKOUT / "tools/image")]
    return Path(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    )


def new_key(folder: Path) -> str:
    """
    Make a key pair: ``folder``/key and key.pub.  Returns the public half as OpenSSH writes it.
    """
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me at home", "-f", "key"]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "key.pub").read_text()


class TimedOutError(Exception):
    """
    The guest did not do what was waited for; ``str()`` shows its console.
    """


class Guest:
    """
    One QEMU process with the disk ``folder``/disk.raw.  Ended and collected at the end of ``with``.
    """

    def __init__(self, folder: Path, *arguments: str, network: str = "user") -> None:
        self.folder = folder
        self._console = folder / "console.log"
        self._console.write_bytes(b"")
        self._short = Path(tempfile.mkdtemp(prefix="guest-"))  # a unix socket's path is short
        self._socket = self._short / "qmp"
        self.ssh_port = _free_port()
        forward = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"
        self._command = [QEMU, "-accel", "tcg", "-nodefaults", "-display", "none"]
        self._command += ["-m", str(MEMORY_MIB), "-qmp", f"unix:{self._socket},server=on,wait=off"]
        self._command += ["-chardev", f"stdio,id=tty,signal=off,logfile={self._console}"]
        self._command += ["-serial", "chardev:tty", "-device", "virtio-rng-pci"]
        self._command += ["-drive", f"file={folder / 'disk.raw'},if=virtio,format=raw,cache=unsafe"]
        self._command += ["-netdev", f"{network},id=net,{forward}"]
        self._command += ["-device", "virtio-net-pci,netdev=net,romfile=", *arguments]

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        with (self.folder / "qemu.log").open("wb") as errors:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
            )
        self.await_(self._socket.exists, "a QMP socket")
        self._qmp = socket.socket(socket.AF_UNIX)
        self._qmp.settimeout(PATIENCE_S)
        self._qmp.connect(str(self._socket))
        self._lines: IO[bytes] = self._qmp.makefile("rb")
        self._lines.readline()  # the greeting
        self.ask("qmp_capabilities")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()
        self._qmp.close()
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        shutil.rmtree(self._short)

    def ask(self, command: str, **arguments: object) -> Any:
        """
        Answer of QEMU's monitor.  Raises AssertionError if it refuses.
        """
        request = {"execute": command, "arguments": arguments}
        self._qmp.sendall(json.dumps(request).encode() + b"\n")
        while "event" in (answer := json.loads(self._lines.readline())):
            pass
        assert "return" in answer, answer
        return answer["return"]

    def console(self) -> str:
        """
        All that the guest has written to its serial port since QEMU was started.
        """
        return self._console.read_text(errors="replace")

    def type(self, text: str) -> None:
        """
        Type on the serial console.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def await_text(self, text: str, times: int = 1) -> float:
        """
        Wait until ``text`` was on the console so often; seconds since QEMU was started.
        """
        self.await_(lambda: self.console().count(text) >= times, f"{times} x {text!r}")
        return time.monotonic() - self.started

    def await_exit(self) -> int:
        """
        Wait for QEMU to end by itself; its exit status.
        """
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise TimedOutError(f"QEMU runs on.\n{self.console()}") from error

    def await_(self, happened: Callable[[], bool], what: str) -> None:
        """
        Wait for anything.  Raises TimedOutError, also at once if QEMU is gone.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            if time.monotonic() > deadline or self._process.poll() is not None:
                errors = (self.folder / "qemu.log").read_text(errors="replace")
                raise TimedOutError(f"waited for {what}.\n{errors}\n{self.console()}")
            time.sleep(0.05)

    def ssh_banner(self) -> bytes:
        """
        The first bytes of the SSH server; empty while there is none.
        """
        try:
            with socket.create_connection(("127.0.0.1", self.ssh_port), 1) as connection:
                return connection.recv(64)
        except OSError:
            return b""

    def ssh(self, command: str) -> str:
        """
        Output of a shell command as root, with the key of the folder.  Raises if it fails.
        """
        self.await_(lambda: self.ssh_banner().startswith(b"SSH-2.0"), "an SSH banner")
        known = self.folder / "known_hosts"
        options = ["-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={known}"]
        options += [
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-i",
            str(self.folder / "key"),
        ]
        address = ["-p", str(self.ssh_port), "root@127.0.0.1"]
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            ["ssh", "-F", "none", "-o", "LogLevel=ERROR", *options, *address, command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
        return done.stdout


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
