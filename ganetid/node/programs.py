"""
Short-lived programs that this node needs: run, fed, and waited for, off the reactor's back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

MAX_OUTPUT = 4 * 1024 * 1024


class ProgramFailed(Exception):
    """A program ended with a status that is not 0, or not in time.  Carries what it said."""


@frozen
class Said:
    """What a program wrote."""

    output: str
    errors: str


class _Program(ProcessProtocol):
    """`ended` fires with the status and what the program said."""

    def __init__(self, stdin: bytes) -> None:
        self._stdin = stdin
        self._output = bytearray()
        self._errors = bytearray()
        self.ended: Deferred[tuple[int, Said]] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        if self._stdin:
            self.transport.write(self._stdin)
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._output += data[: MAX_OUTPUT - len(self._output)]

    def errReceived(self, data: bytes) -> None:
        self._errors += data[: MAX_OUTPUT - len(self._errors)]

    def processEnded(self, reason: Failure) -> None:
        status = 0
        if isinstance(reason.value, ProcessTerminated):
            code, signal = reason.value.exitCode, reason.value.signal
            status = -int(signal or 0) if code is None else code
        said = Said(
            self._output.decode("utf-8", "replace"), self._errors.decode("utf-8", "replace")
        )
        if not self.ended.called:
            self.ended.callback((status, said))

    def kill(self) -> None:
        if self.transport is not None and self.transport.pid:
            self.transport.signalProcess("KILL")


async def run(
    reactor: Any, arguments: Sequence[str], stdin: str = "", timeout_s: float = 20.0
) -> Said:
    """
    What the program said once it has ended with status 0.

    Raises ProgramFailed otherwise; after `timeout_s` the program is killed.
    """
    program = _Program(stdin.encode("utf-8"))
    try:
        reactor.spawnProcess(program, arguments[0], list(arguments), env=None)
    except OSError as error:
        raise ProgramFailed(f"{arguments[0]}: {error}") from error
    late = reactor.callLater(timeout_s, program.kill)
    try:
        status, said = await program.ended
    except CancelledError:
        program.kill()
        raise
    finally:
        is_late = not late.active()
        if not is_late:
            late.cancel()
    if is_late:
        raise ProgramFailed(f"{arguments[0]} did not end within {timeout_s} s")
    if status != 0:
        reason = said.errors.strip() or said.output.strip() or "it said nothing"
        raise ProgramFailed(f"{arguments[0]} ended with status {status}: {reason[-2000:]}")
    return said
