"""
One script at work: a session of its own, a clean environment, an end by a time-out.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

PATH = "/sbin:/bin:/usr/sbin:/usr/bin"  # Ganeti's, for hooks and OS scripts
SETSID = "/usr/bin/setsid"
LAST_WORDS_S = 1.0
STDIN, STDOUT, STDERR = 0, 1, 2

Take = Callable[[int, bytes], None]


@frozen
class Script:
    """
    What is to be run.

    environment: all of it, the script inherits nothing.  directory: where it works.
    descriptors: open descriptors of ours by their number in the script; standard input is
    /dev/null and standard output and error come to `take` where none is named.
    also_read: further descriptors of the script whose words come to `take`.
    """

    program: Path
    environment: Mapping[str, str]
    directory: Path
    timeout_s: float
    arguments: tuple[str, ...] = ()
    descriptors: Mapping[int, int] = field(factory=dict)
    also_read: tuple[int, ...] = ()


class ScriptFailed(Exception):
    """A script ended badly.  `reason`: how, in Ganeti's words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def ignore(number: int, data: bytes) -> None:
    """Take nothing."""


async def run_script(reactor: Any, script: Script, take: Take = ignore) -> None:
    """
    Run it to its end.  take: gets what it writes, with 1 for standard output and 2 for error.

    The script is waited for, not what it leaves running: once it has ended, what others still
    write within a second is taken too.  After the time-out it and all it started in its session
    are killed.  Raises ScriptFailed.
    """
    running = _Running(reactor, take)
    with _null() as null:
        running.spawn(script, null)
    late = reactor.callLater(script.timeout_s, running.kill)
    try:
        reason = await running.ended
    except CancelledError:
        running.kill()
        raise
    finally:
        if late.active():
            late.cancel()
    if running.was_killed:
        raise ScriptFailed(f"terminated after timeout of {script.timeout_s:.2f} seconds")
    if reason is not None:
        raise ScriptFailed(reason)


class _Running(ProcessProtocol):
    """`ended` fires with None, or how it failed."""

    def __init__(self, reactor: Any, take: Take) -> None:
        self._reactor = reactor
        self._take = take
        self._pid: int | None = None
        self._patience: Any = None
        self._has_exited = False
        self._read: list[int] = []
        self.was_killed = False
        self.ended: Deferred[str | None] = Deferred()

    def spawn(self, script: Script, null: int) -> None:
        """Start it.  Raises ScriptFailed."""
        descriptors: dict[int, int | str] = {STDIN: null, STDOUT: "r", STDERR: "r"}
        descriptors |= dict.fromkeys(script.also_read, "r")
        descriptors |= script.descriptors
        self._read = [number for number, end in descriptors.items() if end == "r"]
        command = [SETSID, str(script.program), *script.arguments]
        if not os.access(script.program, os.X_OK):
            raise ScriptFailed("it is missing or not executable")
        try:
            self._reactor.spawnProcess(
                self,
                SETSID,
                command,
                env=dict(script.environment),
                path=str(script.directory),
                childFDs=descriptors,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in a variable
            raise ScriptFailed(f"could not be started: {error}") from error

    def connectionMade(self) -> None:
        assert self.transport is not None
        self._pid = self.transport.pid

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._take(childFD, data)

    def processExited(self, reason: Failure) -> None:
        self._has_exited = True
        self._patience = self._reactor.callLater(LAST_WORDS_S, self._hang_up)

    def processEnded(self, reason: Failure) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._pid = None
        if not self.ended.called:
            self.ended.callback(_how(reason))

    def kill(self) -> None:
        """Kill it with all that it started, unless it has ended already."""
        if self._pid is None or self._has_exited:
            return
        self.was_killed = True
        for end in (os.killpg, os.kill):  # it may not have become a group's leader yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self._pid, signal.SIGKILL)

    def _hang_up(self) -> None:
        assert self.transport is not None
        for number in self._read:
            with contextlib.suppress(KeyError):
                self.transport.closeChildFD(number)


def _how(reason: Failure) -> str | None:
    if not isinstance(reason.value, ProcessTerminated):
        return None
    if reason.value.signal:
        return f"terminated by signal {reason.value.signal}"
    return f"exited with exit code {reason.value.exitCode}"


@contextlib.contextmanager
def _null() -> Any:
    handle = os.open(os.devnull, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)
