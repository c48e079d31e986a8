"""
Scripts whose words go to a log file of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.scripts.logs import MAX_LOG, last_lines_of, new_log, write_all
from ganetid.scripts.running import STDERR, STDOUT, Script, ScriptFailed, run_script

MAX_LINE = 4096
MAX_OUTPUT = 1024 * 1024

Listen = Callable[[str], None]


@frozen
class Finished:
    """A script that ended well: its log file, and its standard output where that was asked for."""

    log: Path
    output: str = ""


class LoggedFailure(Exception):
    """A script ended badly.  reason: how.  log: where its words are.  lines: the last of them."""

    def __init__(self, reason: str, log: Path | None, lines: list[str]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log
        self.lines = lines


@frozen
class Logbook:
    """Runs scripts and keeps what they say in files of `directory`."""

    reactor: Any
    directory: Path
    _log = Logger()

    async def run(self, script: Script, stem: str) -> Finished:
        """
        Run it with both outputs into the log file itself, so that what it starts may write on.

        stem: how the log's name begins.  Raises LoggedFailure.
        """
        path, handle = await self._new_log(stem)
        try:
            to_log = {STDOUT: handle, STDERR: handle}
            script = evolve(script, descriptors={**to_log, **script.descriptors})
            await run_script(self.reactor, script)
        except ScriptFailed as error:
            raise await self._failure(error, path) from error
        finally:
            os.close(handle)
        return Finished(path)

    async def ask(self, script: Script, stem: str) -> Finished:
        """
        Run it for its standard output, of which at most 1 MiB is kept.  Raises LoggedFailure.
        """
        path, handle = await self._new_log(stem)
        output = bytearray()

        def take(number: int, data: bytes) -> None:
            output.extend(data[: MAX_OUTPUT - len(output)])

        try:
            script = evolve(script, descriptors={STDERR: handle, **script.descriptors})
            try:
                await run_script(self.reactor, script, take)
            finally:
                await deferToThread(write_all, handle, bytes(output))
        except ScriptFailed as error:
            raise await self._failure(error, path) from error
        finally:
            os.close(handle)
        return Finished(path, output.decode("utf-8", "replace"))

    async def listen(self, script: Script, stem: str, on_line: Listen) -> Finished:
        """
        Run it with both outputs into the log, and each of its lines to `on_line` at once.

        Raises LoggedFailure.
        """
        path, handle = await self._new_log(stem)
        writing, lines = Writing(handle), Lines(on_line)

        def take(number: int, data: bytes) -> None:
            writing.add(data)
            lines.add(data)

        try:
            try:
                await run_script(self.reactor, script, take)
            finally:
                lines.end()
                await writing.finished()
        except ScriptFailed as error:
            raise await self._failure(error, path) from error
        finally:
            os.close(handle)
        return Finished(path)

    async def _new_log(self, stem: str) -> tuple[Path, int]:
        try:
            return await deferToThread(new_log, self.directory, stem, self.reactor.seconds())
        except OSError as error:
            reason = f"can't write a log file in {self.directory}: {error.strerror}"
            raise LoggedFailure(reason, None, []) from error

    async def _failure(self, error: ScriptFailed, path: Path) -> LoggedFailure:
        self._log.warn("a script failed: {reason}, see {path}", reason=error.reason, path=path)
        return LoggedFailure(error.reason, path, await deferToThread(last_lines_of, path))


class Writing:
    """
    Writes to a log in a thread, one piece after the other.

    After 64 MiB, and after an error, it writes no more: a script fails for better reasons.
    """

    _log = Logger()

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._left = MAX_LOG
        self._pending = bytearray()
        self._turn: Any = None

    def add(self, data: bytes) -> None:
        """Write this too."""
        data = data[: self._left]
        self._left -= len(data)
        self._pending += data
        if self._turn is None and self._pending:
            self._next()

    async def finished(self) -> None:
        """When all is written."""
        while self._turn is not None:
            await self._turn

    def _next(self) -> None:
        piece, self._pending = bytes(self._pending), bytearray()
        self._turn = deferToThread(write_all, self._handle, piece)
        self._turn.addBoth(self._written)

    def _written(self, outcome: Any) -> None:
        self._turn = None
        if isinstance(outcome, Failure):
            self._log.failure("a script's log is incomplete", outcome)
            self._left, self._pending = 0, bytearray()
        if self._pending:
            self._next()


class Lines:
    """Cuts what comes into lines; of an endless one, pieces of 4 KiB."""

    def __init__(self, on_line: Listen) -> None:
        self._on_line = on_line
        self._rest = b""

    def add(self, data: bytes) -> None:
        """More came."""
        *whole, self._rest = (self._rest + data.replace(b"\r", b"\n")).split(b"\n")
        while len(self._rest) >= MAX_LINE:
            whole.append(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]
        for line in whole:
            self._tell(line)

    def end(self) -> None:
        """Nothing more comes."""
        self._tell(self._rest)
        self._rest = b""

    def _tell(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        if text:
            self._on_line(text)
