"""
A ganetid whose guests are fake, as its own process on a state directory that goes with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from benchmarks.rapi.client import Client

CHECKOUT = Path(__file__).parents[2]
UP_WITHIN_S = 60


@frozen
class Daemon:
    """Where it answers, its process id, and the folder that goes with it."""

    base: str
    pid: int
    home: Path

    @property
    def port(self) -> int:
        """Of the remote API."""
        return int(self.base.rpartition(":")[2])


@contextmanager
def running_daemon(
    place: str | None = None, settings: str = "", instances: int = 0
) -> Iterator[Daemon]:
    """
    Start one, and end it.

    place: a folder on the disk that is to be measured.  settings: further lines of its file.
    instances: that it has from the start, off.
    """
    home = Path(tempfile.mkdtemp(prefix="gnt", dir=place))
    port = _free_port()
    if instances:
        _populate(home / "g", instances)
    (home / "users").write_text("admin secret read,write\n")
    config = home / "ganetid.toml"
    config.write_text(
        f'state_dir = "{home}/g"\nusers_file = "{home}/users"\nrapi_port = {port}\n'
        f'hypervisor = "fake"\nnetwork_mode = "user"\nnode_name = "node1"\n{settings}'
    )
    twistd = Path(sys.executable).with_name("twistd")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [twistd, "-n", "--pidfile=", "ganetid", "--config", config],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, cwd=home, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        scheme = "http" if "rapi_tls = false" in settings else "https"
        base = f"{scheme}://127.0.0.1:{port}"
        if not Client(base).is_up(UP_WITHIN_S):
            raise RuntimeError((home / "log").read_text())
        yield Daemon(base, process.pid, home)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _populate(state: Path, count: int) -> None:
    """In a process of its own, for it needs a reactor."""
    command = [sys.executable, "-m", "benchmarks.rapi.population", str(state), str(count)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(CHECKOUT)})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
