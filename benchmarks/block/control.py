"""
The block protocol's control plane for a program that blocks: the Twisted client, its reactor in a
thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import blockingCallFromThread

from archipelagod.wire.client import BlockClient

T = TypeVar("T")
reactor: Any = global_reactor
PIECE_BYTES = 4 << 20
AT_ONCE = 4  # pieces under way while a volume is filled


def start_reactor() -> None:
    """
    Once in a program, before the first Control.
    """
    run = {"installSignalHandlers": False}
    threading.Thread(target=reactor.run, kwargs=run, daemon=True).start()


class Control:
    """
    A client of one daemon.
    """

    def __init__(self, endpoint: str, secret_file: Path) -> None:
        secret = secret_file.read_text().strip().encode()
        self._client: BlockClient = blockingCallFromThread(
            reactor, BlockClient, reactor, endpoint, secret, 120.0
        )

    def ask(self, question: Callable[[BlockClient], Coroutine[Any, Any, T]]) -> T:
        """What ``question(client)`` gives, asked in the reactor's thread."""

        def asked() -> Deferred[T]:
            return Deferred.fromCoroutine(question(self._client))

        answer: T = blockingCallFromThread(reactor, cast("Any", asked))
        return answer

    def timed(self, question: Callable[[BlockClient], Awaitable[Any]]) -> float:
        """Seconds from the question to its answer, without the way between our threads."""

        async def run(client: BlockClient) -> float:
            begun = time.perf_counter()
            await question(client)
            return time.perf_counter() - begun

        return self.ask(run)

    def every(self, questions: list[Callable[[BlockClient], Coroutine[Any, Any, Any]]]) -> None:
        """All answers, asked at once."""

        async def run(client: BlockClient) -> None:
            await gatherResults([Deferred.fromCoroutine(one(client)) for one in questions])

        self.ask(run)

    def fill(self, volume: str, size_bytes: int, content: Callable[[int], bytes]) -> None:
        """Writes ``content(offset)`` into each 4 MiB of the volume, and flushes."""
        window = PIECE_BYTES * AT_ONCE
        for start in range(0, size_bytes, window):
            offsets = range(start, min(start + window, size_bytes), PIECE_BYTES)
            self.every([_writing(volume, offset, content(offset)) for offset in offsets])
        self.ask(lambda client: client.flush(volume))

    def write(self, volume: str, offset: int, data: bytes) -> None:
        """One write."""
        self.ask(_writing(volume, offset, data))

    def close(self) -> None:
        """Hangs up."""
        self.ask(lambda client: client.close())


def _writing(
    volume: str, offset: int, data: bytes
) -> Callable[[BlockClient], Coroutine[Any, Any, None]]:
    return lambda client: client.write(volume, offset, data)
