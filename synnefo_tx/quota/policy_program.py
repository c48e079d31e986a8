"""
A program of the site's as the policy on those who are above a limit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from synnefo_tx.quota.over import IOverQuota, Move

TIMEOUT_S = 60.0
LAST_WORDS_S = 1.0  # after its end; what it left running may hold its pipes for ever
MAX_WORDS = 4096  # bytes of its complaint that are kept
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class PolicyFailed(Exception):
    """
    The program could not be begun, ended with a status that is not 0, or did not end in time.
    """


class _Run(ProcessProtocol):
    """
    `ended` fires with the status when the program has ended, whatever it left running.
    """

    def __init__(self, reactor: Any, given: bytes) -> None:
        self._reactor = reactor
        self._given = given
        self._enough: Any = None
        self.words = b""
        self.ended: Deferred[int] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._given)
        self.transport.closeStdin()

    def errReceived(self, data: bytes) -> None:
        self.words = (self.words + data)[:MAX_WORDS]

    def processExited(self, reason: Failure) -> None:
        assert self.transport is not None
        self._enough = self._reactor.callLater(LAST_WORDS_S, self.transport.loseConnection)

    def processEnded(self, reason: Failure) -> None:
        if self._enough is not None and self._enough.active():
            self._enough.cancel()
        code = getattr(reason.value, "exitCode", None)  # None when a signal ended it
        self.ended.callback(-1 if code is None else code)


@implementer(IOverQuota)
@frozen
class ProgramPolicy:
    """
    Runs `program` without arguments; its standard input is {"moves": [...]} in JSON.
    """

    reactor: Any
    program: str
    timeout_s: float = TIMEOUT_S
    _log = Logger()

    async def moved(self, moves: Sequence[Move]) -> None:
        """
        Raises PolicyFailed.
        """
        told = json.dumps({"moves": [move.view for move in moves]})
        run = _Run(self.reactor, told.encode())
        try:
            process = self.reactor.spawnProcess(run, self.program, [self.program], env=ENVIRONMENT)
        except OSError as error:
            raise PolicyFailed(f"{self.program}: {error}") from error
        late = self.reactor.callLater(self.timeout_s, _kill, process)
        status = await run.ended
        if not late.active():
            raise PolicyFailed(f"{self.program} did not end within {self.timeout_s:.0f} s")
        late.cancel()
        if status != 0:
            words = run.words.decode("utf-8", "replace").strip()
            raise PolicyFailed(f"{self.program} ended with {status}: {words}")
        self._log.info("the policy was told of {many} that moved", many=len(moves))


def _kill(process: Any) -> None:
    with suppress(ProcessExitedAlready):
        process.signalProcess("KILL")
