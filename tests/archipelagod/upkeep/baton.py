"""
Threads that take turns at every call of a store, in an order that a seed decides.
"""

from __future__ import annotations

import random
import threading
import zlib
from collections.abc import Callable
from typing import Any, cast

from archipelagod.stores.store import Store

DIRECTORIES = 2


class Baton:
    """
    Only who has it runs; it changes hands at ``step``.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._changed = threading.Condition()
        self._alive: list[str] = []
        self._holder = ""
        self.failures: list[BaseException] = []

    def step(self) -> None:
        """Somebody else may go first."""
        me = threading.current_thread().name
        if me not in self._alive:
            return
        with self._changed:
            self._pass_on()
            while self._holder != me:
                self._changed.wait(10)

    def _pass_on(self) -> None:
        # whoever has it keeps it for a while now and then: the others see what is half done
        if self._holder not in self._alive or self._chance.random() < 0.4:
            self._holder = self._chance.choice(self._alive) if self._alive else ""
            self._changed.notify_all()

    def run(self, works: dict[str, Callable[[], None]]) -> None:
        """Does all of it, and raises the first failure."""
        self._alive = sorted(works)
        threads = [
            threading.Thread(target=self._work, args=(work,), name=name, daemon=True)
            for name, work in works.items()
        ]
        for thread in threads:
            thread.start()
        with self._changed:
            self._pass_on()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive(), "threads wait for each other"
        if self.failures:
            raise self.failures[0]

    def _work(self, work: Callable[[], None]) -> None:
        me = threading.current_thread().name
        try:
            with self._changed:
                while self._holder != me:
                    self._changed.wait(10)
            work()
        except BaseException as failure:  # noqa: BLE001 - raised by ``run``
            self.failures.append(failure)
        finally:
            with self._changed:
                self._alive.remove(me)
                self._pass_on()


class _Stepping:
    def __init__(self, part: Any, step: Callable[[], None]) -> None:
        self._part = part
        self._step = step

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)

        def stepped(*arguments: Any, **named: Any) -> Any:
            self._step()
            if name == "names" and len(arguments) == 1:
                return self._names(*arguments)
            return found(*arguments, **named)

        return stepped

    def _names(self, room: str) -> list[str]:
        """As in files: directory by directory, and anything may happen in between."""
        found = []
        for directory in range(DIRECTORIES):
            if directory:
                self._step()
            found += [
                name
                for name in self._part.names(room)
                if zlib.crc32(name.encode()) % DIRECTORIES == directory
            ]
        return sorted(found)


def stepping(store: Store, step: Callable[[], None]) -> Store:
    """The store, whose every call is a step."""
    return Store(*(cast("Any", _Stepping(part, step)) for part in store))
