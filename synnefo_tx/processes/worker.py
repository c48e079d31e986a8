"""
One worker as its parent sees it: started, started again when it dies, killed when it hangs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from synnefo_tx.processes.worker_link import LINK, LISTENER, READY

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
SOUND_S = 10.0  # who served for so long is started again at once
SILENCE_S = 20.0
STARTING_S = 60.0
STOP_S = 20.0
TWISTD = "from twisted.scripts.twistd import run; run()"


class Worker:
    """
    arguments: of twistd, after its own.  served: called each time that it serves.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        number: int,
        arguments: Sequence[str],
        listener: int,
        served: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._number = number
        self._command = [sys.executable, "-P", "-c", TWISTD, "-n", "--pidfile=", *arguments]
        self._listener = listener
        self._served = served
        self._process: Any = None
        self._wait_s = FIRST_WAIT_S
        self._since: float | None = None  # serves since
        self._patience: IDelayedCall | None = None
        self._pause: IDelayedCall | None = None
        self._ended: Deferred[None] | None = None

    @property
    def serves(self) -> bool:
        """
        True from its first letter to its end.
        """
        return self._since is not None

    def start(self) -> None:
        """
        Run it, and again whenever it ends, until `stop`.
        """
        self._pause = None
        self._await(STARTING_S)
        self._process = self._reactor.spawnProcess(
            _Ends(self._heard, self._gone),
            self._command[0],
            self._command,
            env=dict(os.environ),
            childFDs={0: 0, 1: 1, 2: 2, LISTENER: self._listener, LINK: "r"},
        )

    def signal(self, number: int) -> None:
        """
        Pass a signal on.
        """
        if self._process is not None:
            with suppress(ProcessExitedAlready):
                self._process.signalProcess(number)

    def stop(self) -> Deferred[None]:
        """
        Fires when it has ended.  It is killed if that takes more than STOP_S.
        """
        ended: Deferred[None] = Deferred()
        self._ended = ended
        if self._pause is not None:
            self._pause.cancel()
        if self._process is None:
            ended.callback(None)
        else:
            self.signal(signal.SIGTERM)
            self._await(STOP_S)
        return ended

    def _await(self, longest_s: float) -> None:
        self._wait_no_more()
        self._patience = self._reactor.callLater(longest_s, self._hangs)

    def _wait_no_more(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()

    def _hangs(self) -> None:
        self._log.error("worker {number} says nothing and is killed", number=self._number)
        self.signal(signal.SIGKILL)

    def _heard(self, letters: bytes) -> None:
        if self._ended is not None:
            return
        if READY in letters:
            self._since = self._reactor.seconds()
            self._served()
        if self._since is not None:  # a start is not watched by its letters
            self._await(SILENCE_S)

    def _gone(self, reason: Failure) -> None:
        self._wait_no_more()
        self._process = None
        since, self._since = self._since, None
        if self._ended is not None:
            self._ended.callback(None)
            return
        if since is not None and self._reactor.seconds() - since > SOUND_S:
            self._wait_s = FIRST_WAIT_S
        self._log.error(
            "worker {number} ended ({reason}); the next starts in {wait_s} s",
            number=self._number,
            reason=reason.getErrorMessage(),
            wait_s=self._wait_s,
        )
        self._pause = self._reactor.callLater(self._wait_s, self.start)
        self._wait_s = min(LONGEST_WAIT_S, 2 * self._wait_s)


class _Ends(ProcessProtocol):
    def __init__(self, heard: Callable[[bytes], None], gone: Callable[[Failure], None]) -> None:
        self._heard = heard
        self._gone = gone

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._heard(data)

    def processEnded(self, reason: Failure) -> None:
        self._gone(reason)
