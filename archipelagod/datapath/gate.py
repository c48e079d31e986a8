"""
Keeping requests out of a volume for the moment in which it is frozen.  Standard library only.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Pass:
    """
    One thread's way through the gate.  Not to be held while the thread waits for a client.
    """

    __slots__ = ("_gate", "is_inside")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.is_inside = False

    def enter(self) -> None:
        """
        Goes in; waits while the gate is closed.
        """
        self.is_inside = True  # before the look at the gate, so that whoever closes it sees us
        if self._gate.is_shut:
            self._gate.wait_outside(self)

    def leave(self) -> None:
        """
        Goes out.
        """
        self.is_inside = False
        if self._gate.is_shut:
            self._gate.tell()


class Gate:
    """
    Open for many, or closed by one.  Passing an open gate costs next to nothing.
    """

    def __init__(self) -> None:
        self.is_shut = False
        self._passes: set[Pass] = set()
        self._changed = threading.Condition()

    def new_pass(self) -> Pass:
        """
        A pass for one thread; give it back with ``forget``.
        """
        made = Pass(self)
        with self._changed:
            self._passes.add(made)
        return made

    def forget(self, old: Pass) -> None:
        """
        The thread needs its pass no longer.
        """
        with self._changed:
            self._passes.discard(old)
            self._changed.notify_all()

    def wait_outside(self, waiting: Pass) -> None:
        """
        For Pass.
        """
        with self._changed:
            waiting.is_inside = False
            self._changed.notify_all()
            while self.is_shut:
                self._changed.wait()
            waiting.is_inside = True

    def tell(self) -> None:
        """
        For Pass.
        """
        with self._changed:
            self._changed.notify_all()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """
        Nobody is inside within the block.  The caller must not be inside itself.
        """
        with self._changed:
            while self.is_shut:
                self._changed.wait()
            self.is_shut = True
            while any(each.is_inside for each in self._passes):
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self.is_shut = False
                self._changed.notify_all()
