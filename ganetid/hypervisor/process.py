"""
A process that is not our child: whether it lives, when it ends, and how to end it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer


def arguments_of(pid: int) -> list[str]:
    """The command line of a process; empty when there is none."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.decode("utf-8", "replace").rstrip("\0").split("\0") if raw else []


def pid_in(path: Path) -> int | None:
    """The process id in a pid file, None when there is no such file or no number in it."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


@implementer(IReadDescriptor)
class Process:
    """
    A process by its pidfd, so that a number that is used again can't be mistaken for it.

    `ended` fires, with None, when it has ended.  Raises ProcessLookupError when there is none.
    """

    def __init__(self, reactor: Any, pid: int) -> None:
        self._reactor = reactor
        self.pid = pid
        self.ended: Deferred[None] = Deferred()
        self._fd = os.pidfd_open(pid)
        reactor.addReader(self)

    def kill(self) -> None:
        """End it now, unless it has ended."""
        if self._fd >= 0:
            try:
                signal.pidfd_send_signal(self._fd, signal.SIGKILL)
            except ProcessLookupError:
                return

    def let_go(self) -> None:
        """Stop watching; `ended` will not fire."""
        self._close()

    def fileno(self) -> int:
        """Twisted: what to poll; a pidfd is readable when its process has ended."""
        return self._fd

    def logPrefix(self) -> str:
        """Twisted: our name in logs."""
        return f"process {self.pid}"

    def doRead(self) -> None:
        """Twisted: the process has ended."""
        self._close()
        self.ended.callback(None)

    def connectionLost(self, reason: Any) -> None:
        """Twisted: the reactor gives up on the descriptor, as when it stops."""
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            self._reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1
