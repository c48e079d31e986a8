"""
A store that breaks at a given call, as a killed daemon leaves it.
"""

from __future__ import annotations

from typing import Any, cast

from archipelagod.stores.store import Store


class Killed(BaseException):
    """
    The daemon is gone.
    """


class Fuse:
    """
    Blows at the given count of changes.
    """

    def __init__(self, lasts: int) -> None:
        self.lasts = lasts
        self.count = 0

    def step(self) -> None:
        """Something is about to be changed."""
        if self.count >= self.lasts:
            raise Killed
        self.count += 1


class _Fused:
    CHANGES = ("put", "create", "move", "remove", "log", "write", "zero", "copy_range", "tidy")

    def __init__(self, part: Any, fuse: Fuse) -> None:
        self._part = part
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name not in self.CHANGES:
            return found

        def changing(*arguments: Any, **named: Any) -> Any:
            self._fuse.step()
            made = found(*arguments, **named)
            return _FusedLog(made, self) if name == "log" else made

        return changing


class _FusedLog:
    """
    What it appends survives a killed daemon anyway.
    """

    def __init__(self, log: Any, records: _Fused) -> None:
        self._log = log
        self._records = records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def restart(self, start: bytes) -> None:
        """See ILog."""
        self._records._fuse.step()
        self._log.restart(start)


def fused(store: Store, fuse: Fuse) -> Store:
    """The store, each of whose changes may be the last."""
    objects, records, blocks, leases = store
    parts = [_Fused(part, fuse) for part in (objects, records, blocks)]
    return Store(*(cast("Any", part) for part in parts), leases)
