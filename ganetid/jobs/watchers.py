"""
Those who wait for a job to change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.logger import Logger

from ganetid.jobs.model import Job

Listener = Callable[[Job], None]


class Watchers:
    """Clients that poll for one job, and listeners that hear of every change."""

    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._of: dict[int, dict[Deferred[None], None]] = {}
        self._listeners: list[Listener] = []

    async def changed(self, job_id: int, timeout_s: float) -> bool:
        """Wait for the job to change; False when nothing happened, or the client hung up."""
        waiting: Deferred[None] = Deferred()
        self._of.setdefault(job_id, {})[waiting] = None
        waiting.addTimeout(timeout_s, self._reactor)
        try:
            await waiting
        except (CancelledError, TooLate):
            others = self._of.get(job_id, {})
            others.pop(waiting, None)
            if not others:
                self._of.pop(job_id, None)
            return False
        return True

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every job that has changed, until what this returns is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, job: Job) -> None:
        """The job has changed."""
        for listener in tuple(self._listeners):
            try:
                listener(job)
            except Exception:  # noqa: BLE001 - a listener is another service: logged
                self._log.failure("a listener broke on job {job}", job=job.id)
        for waiting in self._of.pop(job.id, {}):
            waiting.callback(None)
