"""
A faster way to the objects of an open volume, beside the map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from archipelagod.volume.unsynced import Range

Written = tuple[list[int], list[tuple[int, int, int]] | None]


class DirectEntry(NamedTuple):
    """
    How an object may be read, and written in place, without asking the map each time.
    """

    fd: int  # of the object; its descriptor stays open while ``keep`` is referenced
    parent_fd: int  # of the object that has the other blocks, -1 for zeros
    bitmap: bytes | None  # of the 4 KiB blocks that the object has; None: all
    is_writable: bool  # in place, where it has the blocks
    keep: object


class Table(Protocol):
    """
    A faster way to some objects, which has to hear of every change.
    """

    def forget(self, index: int) -> None:
        """What is at ``index`` changed: ask again."""

    def fill(self, index: int, first: int, count: int) -> None:
        """The partial object at ``index`` has more blocks."""

    def freeze(self) -> None:
        """Nothing is to be written in place any more: ask again."""

    def forget_all(self) -> None:
        """As ``forget`` for every index."""

    def resize(self, size_bytes: int) -> None:
        """The volume has another size; as ``forget_all``, too."""

    def take_written(self) -> Written:
        """
        Indices of the objects that were written since the last call, and the ranges: (index, offset
        in the object, bytes), or None if there were too many.
        """

    def gather(self, parts: list[Range], tag: int, salt: int) -> bytearray | None:
        """
        What a journal is to have of these parts of objects: DATA records with tag and salt, each
        with its content.  None if it can't be done here.
        """


class NoTable:
    """
    See Table: there is none.
    """

    def forget(self, index: int) -> None:
        """See Table."""

    def fill(self, index: int, first: int, count: int) -> None:
        """See Table."""

    def freeze(self) -> None:
        """See Table."""

    def forget_all(self) -> None:
        """See Table."""

    def resize(self, size_bytes: int) -> None:
        """See Table."""

    def take_written(self) -> Written:
        """See Table."""
        return [], []

    def gather(self, parts: list[Range], tag: int, salt: int) -> None:
        """See Table."""
