"""
Starting a QEMU that outlives this process.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.protocol import ProcessProtocol

from ganetid.hypervisor.paths import Places

QMP_FD = 3
TAIL = 2000
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MALLOC_ARENA_MAX": "8"}


@frozen
class Ends:
    """What a new QEMU inherits: nothing to read, its log, its monitor's listening socket."""

    nothing: int
    log: int
    monitor: socket.socket

    def close(self) -> None:
        """Close ours; the child has its own."""
        os.close(self.nothing)
        os.close(self.log)
        self.monitor.close()


def open_ends(places: Places) -> Ends:
    """
    Make the log and the monitor's socket in the run's directory.  Blocks.  Raises OSError.

    We listen before QEMU is there, so the connection to it waits in the queue, and breaks when
    it ends early.
    """
    monitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        monitor.bind(places.qmp)
        Path(places.qmp).chmod(0o600)
        monitor.listen(4)
        log = os.open(places.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        monitor.close()
        raise
    return Ends(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), log, monitor)


def spawn(reactor: Any, arguments: Sequence[str], ends: Ends) -> int:
    """
    Start the program; its process id.  Raises OSError.

    The programs before QEMU (ip, setsid, prlimit, setpriv) each become the next, so the id stays.
    """
    files = {0: ends.nothing, 1: ends.log, 2: ends.log, QMP_FD: ends.monitor.fileno()}
    protocol = ProcessProtocol()
    reactor.spawnProcess(
        protocol, arguments[0], list(arguments), env=ENVIRONMENT, path="/", childFDs=files
    )
    assert protocol.transport is not None
    return int(protocol.transport.pid)


def last_words(places: Places) -> str:
    """What QEMU wrote last, in one line.  Blocks."""
    try:
        text = Path(places.log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text[-TAIL:].splitlines() if line.strip()]
    return "; ".join(lines[-3:])
