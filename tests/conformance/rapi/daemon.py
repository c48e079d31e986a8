"""
A ganetid as a process of its own, with the fake hypervisor, for tools of others to talk to.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[3]
USERS = "admin secret write\nro ro read\n"
PATIENCE_S = 60.0


class Running(NamedTuple):
    """A daemon that answers: the port of its remote API, its process."""

    port: int
    pid: int


@contextmanager
def running(state: Path | None = None) -> Iterator[Running]:
    """
    A daemon; when the block is left it has ended and left nothing.

    state: its state directory, if it is to be another than an empty one.
    """
    directory = Path(tempfile.mkdtemp(prefix="gntc"))
    try:
        port = _free_port()
        (directory / "users").write_text(USERS)
        config = directory / "ganetid.toml"
        config.write_text(
            f'state_dir = "{state or directory / "g"}"\nusers_file = "{directory}/users"\n'
            f'rapi_port = {port}\nhypervisor = "fake"\nnode_name = "node1"\n'
            f'os_search_path = ["{_dummy_system(directory)}"]\n'
        )
        process = _start(config, directory)
        try:
            _wait(port, process, directory)
            yield Running(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE_S)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _dummy_system(directory: Path) -> Path:
    """A folder with the operating system ``dummy``, whose scripts do nothing."""
    place = directory / "os" / "dummy"
    place.mkdir(parents=True)
    for name in ("create", "import", "export", "rename", "verify"):
        (place / name).write_text("#!/bin/sh\nexit 0\n")
        (place / name).chmod(0o755)
    (place / "ganeti_api_version").write_text("20\n")
    (place / "variants.list").write_text("default\n")
    (place / "parameters.list").write_text("")
    return place.parent


def _start(config: Path, directory: Path) -> subprocess.Popen[bytes]:
    twistd = Path(sys.executable).with_name("twistd")
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(
            [str(twistd), "-n", "--pidfile=", "ganetid", "--config", str(config)],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=log,
            stderr=log,
        )


def _wait(port: int, process: subprocess.Popen[bytes], directory: Path) -> None:
    trusting = ssl._create_unverified_context()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"https://127.0.0.1:{port}/version", context=trusting).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError((directory / "log").read_text(errors="replace"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
