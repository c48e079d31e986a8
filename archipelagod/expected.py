"""
Volumes that another daemon is about to hand over.
"""

from __future__ import annotations

from typing import Any

PATIENCE_S = 60.0  # for the client that is to come


class Expected:
    """
    Each is good for the next client that comes in time, and no further one.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._until_s: dict[str, float] = {}

    def add(self, name: str) -> None:
        """
        A client of this volume comes before it is handed over.
        """
        now_s = self._reactor.seconds()
        self._until_s = {each: end for each, end in self._until_s.items() if end > now_s}
        self._until_s[name] = now_s + PATIENCE_S

    def take(self, name: str) -> bool:
        """
        Whether that is this one.
        """
        now_s: float = self._reactor.seconds()
        return self._until_s.pop(name, 0.0) > now_s
