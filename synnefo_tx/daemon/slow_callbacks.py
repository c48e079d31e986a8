"""
Who holds the reactor: in debug mode, a thread watches the reactor's pulse and logs the stack of
whatever keeps it from beating.  Time in which other processes had the processor does not count.

Switched on by the environment variable SYNNEFO_SLOW_MS, in milliseconds; the end-to-end tests set
it and read the daemons' logs.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

BEATS_IN_LIMIT = 4
STACK_DEPTH = 12  # innermost calls that are told
POLLS = frozenset({"doPoll", "doIteration", "doSelect"})


def limit_s() -> float | None:
    """
    The longest that a callback may take, as the environment says; None when nobody watches.
    """
    text = os.environ.get("SYNNEFO_SLOW_MS", "")
    return int(text) / 1000 if text.isdigit() and int(text) else None


def starved_s(task: int) -> float:
    """
    How long a thread of this process, by its number, was ready to run while others did, in seconds;
    0.0 where nobody counts that.
    """
    try:
        figures = Path(f"/proc/self/task/{task}/schedstat").read_text()
    except OSError:
        return 0.0
    return int(figures.split()[1]) / 1e9


class SlowCallbacks(Service):
    """
    Watches the reactor of this process while it runs.

    told: called from the watching thread with (seconds without a beat, stack as text), once for
    every time the reactor is held.  starved: ``starved_s``.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        longest_s: float,
        told: Callable[[float, str], None] | None = None,
        starved: Callable[[int], float] = starved_s,
    ) -> None:
        self._reactor = reactor
        self._longest_s = longest_s
        self._told = told or self._tell
        self._starved = starved
        self._last = (time.monotonic(), 0.0)  # beat: when, and starved until then
        self._stop = threading.Event()
        self._pulse = LoopingCall(self._beat)
        self._pulse.clock = reactor
        self._watched = threading.get_ident()
        self._task = threading.get_native_id()

    def startService(self) -> None:
        super().startService()
        # Services start before the reactor does; only a running one can be held.
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if not self.running:
            return
        self._watched = threading.get_ident()
        self._task = threading.get_native_id()
        self._pulse.start(self._longest_s / BEATS_IN_LIMIT)
        threading.Thread(target=self._watch, name="slow-callbacks", daemon=True).start()

    def stopService(self) -> None:
        self._stop.set()
        if self._pulse.running:
            self._pulse.stop()
        super().stopService()

    def _beat(self) -> None:
        self._last = (time.monotonic(), self._starved(self._task))

    def _watch(self) -> None:
        told_of = 0.0
        while not self._stop.wait(self._longest_s / BEATS_IN_LIMIT):
            beat_at, starved_before_s = self._last
            silent_s = time.monotonic() - beat_at
            if silent_s > self._longest_s:
                silent_s -= self._starved(self._task) - starved_before_s
            if silent_s > self._longest_s and beat_at != told_of:
                told_of = beat_at
                frame = sys._current_frames().get(self._watched)
                # In its own poll the reactor is not held: the machine gave us no time.
                if frame is not None and frame.f_code.co_name not in POLLS:
                    self._told(silent_s, "".join(traceback.format_stack(frame)[-STACK_DEPTH:]))

    def _tell(self, silent_s: float, stack: str) -> None:
        self._log.warn(
            "the reactor was held for {ms} ms at\n{stack}", ms=round(1000 * silent_s), stack=stack
        )


def watched(service: IService, reactor: Any) -> IService:
    """
    `service`, with a watch beside it when the environment asks for one.
    """
    longest = limit_s()
    if longest is None:
        return service
    both = MultiService()
    SlowCallbacks(reactor, longest).setServiceParent(both)
    service.setServiceParent(both)
    return both
