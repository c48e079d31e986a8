"""
How far the making of an instance is, told while it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ganetid.events.messages import Newsroom
from ganetid.jobs.journal import Commit, Journal


@frozen
class Progress:
    """
    Puts it into the outbox while `master` runs.

    told: is called after that.
    """

    journal: Journal
    newsroom: Newsroom
    told: Callable[[], None]
    master: Service
    _log = Logger()

    def heard(self, body: Mapping[str, Any]) -> None:
        """Of a step."""
        Deferred.fromCoroutine(self._publish(body)).addErrback(
            lambda failure: self._log.failure("progress was not told", failure)
        )

    async def _publish(self, body: Mapping[str, Any]) -> None:
        if self.master.running:
            await self.journal.commit(Commit(messages=(self.newsroom.of_progress(body),)))
            self.told()
