"""
Calls that were begun here, so that one that is sent again is not done again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred

MOST = 2000


class Answered:
    """Answers by request id; the oldest are forgotten."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._waiting: dict[str, list[Deferred[bytes]]] = {}

    def knows(self, request: str) -> bool:
        """Whether the call was begun here."""
        return request in self._answers or request in self._waiting

    async def answer(self, request: str, perform: Callable[[], Awaitable[bytes]]) -> bytes:
        """
        What `perform` answers, which is called for the first of equal requests only.

        It must not raise.  It goes on when whoever asked has hung up.
        """
        if request in self._answers:
            return self._answers[request]
        if request not in self._waiting:
            self._waiting[request] = []
            Deferred.fromCoroutine(self._perform(request, perform))
        if request in self._answers:  # it was answered at once
            return self._answers[request]
        waiting: Deferred[bytes] = Deferred()
        self._waiting[request].append(waiting)
        return await waiting

    async def _perform(self, request: str, perform: Callable[[], Awaitable[bytes]]) -> None:
        answer = await perform()
        self._answers[request] = answer
        while len(self._answers) > MOST:
            self._answers.popitem(last=False)
        for waiting in self._waiting.pop(request):
            if not waiting.called:
                waiting.callback(answer)
