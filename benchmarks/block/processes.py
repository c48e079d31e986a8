"""
Programs that a run starts, and what they cost.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

START_S = 30.0
MIB = 1 << 20


class Memory(NamedTuple):
    """
    Resident and proportional size of a process tree, in bytes.  Pages that processes share count
    in each for ``resident``, once for ``proportional``.
    """

    resident: int
    proportional: int


class Program:
    """
    One program, and all that it starts.  Its output is kept in a file.
    """

    def __init__(
        self,
        command: list[str],
        log: Path,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=cwd
            )
        self._name = command[0]

    def wait_until(self, claim: Callable[[], bool], what: str, within_s: float = START_S) -> None:
        """Returns when ``claim()`` holds.  Raises RuntimeError when the program ends before."""
        deadline = time.monotonic() + within_s
        while not claim():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self._name}: not {what}: {said}")
            time.sleep(0.01)

    def tree(self) -> list[psutil.Process]:
        """The program and its descendants that live."""
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]

    def cpu_s(self) -> float:
        """Processor seconds of the tree so far, children that ended included."""
        spent = 0.0
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                spent += times.user + times.system + times.children_user + times.children_system
        return spent

    def memory(self) -> Memory:
        """Of the tree, now."""
        resident = proportional = 0
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                full = process.memory_full_info()
                resident, proportional = resident + full.rss, proportional + full.pss
        return Memory(resident, proportional)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to what of the tree is left after 20 s."""
        if self._process.poll() is not None:
            return
        tree = self.tree()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
