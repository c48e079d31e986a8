"""
A storage daemon for tests: a process under twistd, spoken to over unix sockets.

It is started by the first test that wants it and ends with the test run; each test leaves it empty.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from archipelagod.wire.client import BlockClient

_ROOT = Path(__file__).parents[3]
_START_TIMEOUT_S = 30.0


@functools.cache
def storage() -> Storage:
    """
    The daemon of this test run.
    """
    daemon = Storage()
    atexit.register(daemon.stop)
    daemon.start()
    return daemon


class Storage:
    """
    `start` and `stop` block.
    """

    def __init__(self) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="image-"))  # a unix socket's path is short
        self.nbd_socket = str(self.state / "nbd.sock")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Returns when the daemon listens.
        """
        settings = self.state / "archipelagod.toml"
        settings.write_text(
            f'state_dir = "{self.state}"\nlisten = "unix:{self.state}/block.sock:mode=600"\n'
            f'secret_file = "{self.state}/secret"\nnbd_socket = "{self.nbd_socket}"\n'
        )
        twistd = str(Path(sys.executable).with_name("twistd"))
        with (self.state / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [twistd, "-n", "--pidfile=", "archipelagod", "--config", str(settings)],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + _START_TIMEOUT_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError((self.state / "log").read_text())
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.state / "block.sock")) == 0

    def kill(self) -> None:
        """
        kill -9, and wait until it is dead.
        """
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        """
        Returns when the daemon has ended and its files are gone.
        """
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        shutil.rmtree(self.state, ignore_errors=True)

    def client(self, test: Any, reactor: Any) -> BlockClient:
        """
        A client for one test, after which no volume is left.
        """
        secret = (self.state / "secret").read_bytes().strip()
        blocks = BlockClient(reactor, f"unix:{self.state}/block.sock", secret)

        async def clean_up() -> None:
            for volume in await blocks.list():
                await blocks.delete(volume.name)
            await blocks.close()

        test.addCleanup(lambda: Deferred.fromCoroutine(clean_up()))
        return blocks
