"""
All volumes that there may be, and changes of which nobody knows yet whether they happened.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.chaos.model import Disk

State = dict[str, Disk | None]  # by name; None: there is no such volume


@dataclass(eq=False)
class Change:
    """
    A change on its way.  ``names`` are those that it makes, changes or removes.
    """

    kind: str
    names: tuple[str, ...]
    before: State
    after: Callable[[], State]
    pins: tuple[str, ...] = ()  # volumes whose content it reads


@dataclass(eq=False)
class World:
    """
    Any thread may call.
    """

    disks: dict[str, Disk] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # names that a load or a change has for itself
    pinned: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    counts: dict[str, int] = field(default_factory=dict)  # of what was done, by kind
    _numbers: int = 0

    def number(self) -> int:
        """
        A number for a new volume.
        """
        with self.lock:
            self._numbers += 1
            return self._numbers

    def count(self, kind: str, times: int = 1) -> None:
        """
        Something was done.
        """
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + times

    def choose(
        self, chance: random.Random, wanted: Callable[[Disk], bool], *, is_free: bool = True
    ) -> Disk | None:
        """
        Some volume; is_free: one that nobody uses.
        """
        with self.lock:
            found = [
                disk
                for name, disk in sorted(self.disks.items())
                if wanted(disk) and not (is_free and name in self.used)
            ]
            return chance.choice(found) if found else None

    @contextlib.contextmanager
    def use(self, disk: Disk) -> Iterator[None]:
        """
        The volume is ours, unless somebody took it: then AssertionError.
        """
        with self.lock:
            assert disk.name not in self.used
            self.used.add(disk.name)
        try:
            yield
        finally:
            with self.lock:
                self.used.discard(disk.name)

    def begin(self, change: Change) -> bool:
        """
        Whether the change may be asked for.
        """
        with self.lock:
            if not self.used.isdisjoint(change.names) or self._clashes(change):
                return False
            self.used.update(change.names)
            self.pinned += change.pins
            self.pending.append(change)
            return True

    def _clashes(self, change: Change) -> bool:
        """
        Content that one change reads is not changed by another (but may be deleted).
        """
        changed = {name for other in self.pending for name in other.names}
        is_changed = not changed.isdisjoint(change.pins)
        return is_changed or (
            change.kind in ("resize", "rollback") and change.names[0] in self.pinned
        )

    def finish(self, change: Change, *, happened: bool) -> None:
        """
        It is known what became of it.
        """
        with self.lock:
            if happened:
                self.put(change.after())
                self.count(change.kind)
            self._end(change)

    def put(self, state: State) -> None:
        """
        This is how things are.
        """
        with self.lock:
            for name, disk in state.items():
                if disk is None:
                    self.disks.pop(name, None)
                else:
                    disk.name = name
                    self.disks[name] = disk

    def _end(self, change: Change) -> None:
        self.pending.remove(change)
        self.used.difference_update(change.names)
        for name in change.pins:
            self.pinned.remove(name)

    def settle(self, change: Change, state: State) -> None:
        """
        What became of a change was seen: it is ``state``.
        """
        with self.lock:
            self.put(state)
            self._end(change)
