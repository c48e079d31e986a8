"""
Keys as they are in their directory, whoever rotates them and whenever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from synnefo_tx.identity.keys import UnsafeKey, marks_of, read_keys
from synnefo_tx.identity.refreshed import Refreshed
from synnefo_tx.store.database import Defer

LOOK_EVERY_S = 3.0
Marks = tuple[tuple[str, int, int], ...]


class Keyring(Protocol):
    """
    Tokens or secrets are sealed by it.
    """

    @property
    def keys(self) -> tuple[bytes, ...]:
        """
        Those in use, the sealing one first.
        """

    def use(self, keys: Sequence[bytes]) -> None:
        """
        Use these from now on.
        """


class KeyWatch:
    """
    Gives `ring` the keys of `directory` when they change.

    defer: runs a callable in a thread.  clock: seconds.  However many ask, the directory is looked
    at once a second at most, so that texts that are no tokens cost nothing.
    """

    _log = Logger()

    def __init__(
        self,
        directory: Path | str,
        ring: Keyring,
        defer: Defer,
        clock: Callable[[], float],
        reactor: Any,
    ) -> None:
        self._directory = directory
        self._ring = ring
        self._defer = defer
        self._known: Refreshed[Marks] = Refreshed(self._ask, clock, 1.0)
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self.look()))
        self._loop.clock = reactor

    def startService(self) -> None:
        """
        Look every LOOK_EVERY_S.
        """
        self._loop.start(LOOK_EVERY_S)

    def stopService(self) -> Deferred[None]:
        """
        Fires when the directory is not looked at any more.
        """
        if self._loop.running:
            self._loop.stop()
        return self._known.stop()

    async def look(self) -> None:
        """
        Returns when the directory was looked at, within the last second.
        """
        await self._known.get()

    def look_again(self) -> None:
        """
        The directory is looked at anew, now.
        """
        self._known.look_again()
        if self._loop.running:
            Deferred.fromCoroutine(self.look())

    async def _ask(self, known: Marks | None) -> Marks:
        try:
            marks, keys = await self._defer(lambda: self._read(known))
        except (UnsafeKey, OSError):
            self._log.failure("keys could not be read; those known go on")
            return known or ()
        if keys and tuple(keys) != self._ring.keys:
            self._ring.use(keys)
            self._log.info(
                "there are other keys in {directory}: {count}",
                directory=self._directory,
                count=len(keys),
            )
        return marks

    def _read(self, known: Marks | None) -> tuple[Marks, list[bytes]]:
        marks = marks_of(self._directory)
        return marks, [] if marks == known else read_keys(self._directory)
