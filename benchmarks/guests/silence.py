"""
How long a guest says nothing on its consoles while it moves: the pause as others see it, with what
comes on top of the one that QEMU measures, and the guest's own time between two words.
"""

from __future__ import annotations

import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import LoopingCall

LOOK_EVERY_S = 0.002


class Silence:
    """From now on until `end`."""

    def __init__(self, consoles: list[Path]) -> None:
        self._consoles = consoles
        self._sizes = self._look()
        self._last_s = time.monotonic()
        self._longest_s = 0.0
        self._looking = LoopingCall(self._hear)
        self._looking.clock = reactor
        self._looking.start(LOOK_EVERY_S)

    def end(self) -> float:
        """The longest so far, ms."""
        self._looking.stop()
        return self._longest_s * 1000

    def _look(self) -> list[int]:
        return [path.stat().st_size if path.exists() else 0 for path in self._consoles]

    def _hear(self) -> None:
        sizes, now_s = self._look(), time.monotonic()
        if any(size > before for size, before in zip(sizes, self._sizes, strict=True)):
            self._longest_s = max(self._longest_s, now_s - self._last_s)
            self._last_s = now_s
        self._sizes = sizes
