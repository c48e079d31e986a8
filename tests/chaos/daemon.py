"""
A daemon as an operator runs it, whose processes may be killed or stopped one by one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.chaos.control import Control

ROOT = Path(__file__).resolve().parents[2]
READY = b"archipelagod is ready"
READY_TIMEOUT_S = 75.0


class Daemon:
    """
    directory: of its sockets and log.  store_in: of its store, which several daemons may share.
    """

    def __init__(
        self,
        directory: str,
        store_in: str | None = None,
        prefix: tuple[str, ...] = (),
        more: str = "",
    ) -> None:
        self.directory = directory
        self.state_dir = store_in or f"{directory}/state"
        self.nbd = f"{directory}/nbd"
        self.wire = f"{directory}/wire"
        self.secret_file = f"{directory}/secret"
        self.log = f"{directory}/log"
        self.starts = 0
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = threading.Event()
        os.makedirs(directory, exist_ok=True)
        self._config = f"{directory}/archipelagod.toml"
        Path(self._config).write_text(
            f'state_dir = "{self.state_dir}"\nlisten = "unix:{self.wire}:mode=600"\n'
            f'secret_file = "{self.secret_file}"\nnbd_socket = "{self.nbd}"\n{more}'
        )

    @property
    def store(self) -> str:
        """
        The directory of the store.
        """
        return f"{self.state_dir}/store"

    @property
    def pid(self) -> int:
        """
        Of the main process.
        """
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """
        Whether the main process is there.
        """
        return self._process is not None and self._process.poll() is None

    def start(self, *, waits: bool = True) -> None:
        """
        Starts it, and returns when it serves.
        """
        twistd = str(Path(sys.executable).with_name("twistd"))
        command = [*self._prefix, twistd, "-n", "--pidfile=", "archipelagod", "-c", self._config]
        self.starts += 1
        self._is_ready = threading.Event()
        self._process = subprocess.Popen(
            command,
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(
            target=self._copy_output, args=(self._process, self._is_ready), daemon=True
        ).start()
        if waits:
            self.wait_until_ready()

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """
        Returns when it serves.
        """
        assert self._process is not None
        deadline_s = time.monotonic() + timeout_s
        while not self._is_ready.wait(0.02):
            code = self._process.poll()
            if code is not None:
                raise AssertionError(f"the daemon ended with {code}:\n{self.last_words()}")
            if time.monotonic() > deadline_s:
                raise AssertionError(f"the daemon is not ready:\n{self.last_words()}")

    def _copy_output(self, process: subprocess.Popen[bytes], is_ready: threading.Event) -> None:
        assert process.stdout is not None
        with open(self.log, "ab") as log, process.stdout:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if READY in line:
                    is_ready.set()

    def last_words(self, size: int = 4000) -> str:
        """
        The end of its log.
        """
        with contextlib.suppress(FileNotFoundError):
            return Path(self.log).read_bytes()[-size:].decode("utf-8", "replace")
        return ""

    def control(self) -> Control:
        """
        A connection to it.  Raises StorageUnavailable.
        """
        return Control(self.wire, self.secret_file)

    def workers(self) -> list[int]:
        """
        Its child processes.
        """
        return children(self.pid)

    def kill(self) -> None:
        """
        SIGKILL for the main process; its workers end by themselves.
        """
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_all(self) -> None:
        """
        SIGKILL for everything at once.
        """
        os.kill(self.pid, signal.SIGSTOP)  # so that it starts no more
        found = self.workers()
        self.kill()
        for pid in found:
            kill(pid)
        assert gone(found), "a worker outlives SIGKILL"

    def stop(self) -> None:
        """
        SIGTERM; returns when it has ended.
        """
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon does not stop:\n{self.last_words()}") from None

    def end(self) -> None:
        """
        Whatever it takes.
        """
        if self._process is not None and self._process.poll() is None:
            for pid in self.workers():
                kill(pid)
            self.kill()


def children(pid: int) -> list[int]:
    """
    Child processes of a process.
    """
    entries = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return [entry for entry in entries if _stat(entry)[1:2] == [str(pid)]]


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """
    Sends a signal; False when the process is gone already.
    """
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def gone(pids: list[int], timeout_s: float = 30.0) -> bool:
    """
    Whether these processes (not our own children) have ended within that time.
    """
    deadline_s = time.monotonic() + timeout_s
    while any(_lives(pid) for pid in pids):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


def _lives(pid: int) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


def _stat(pid: int) -> list[str]:
    """
    State, parent and so on; empty when there is no such process.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
