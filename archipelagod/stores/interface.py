"""
What a place to keep volumes must offer.  A new store provides IObjects, IRecords and ILog, and
passes ``tests.contracts.object_store``.

Every method blocks, may be called from any thread, and raises OSError when the medium fails
(ENOSPC when it is full).
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import Interface


class IObjects(Interface):
    """
    The pool of objects: up to 4 MiB each, named by a 64-bit number (session in the upper half)
    that is never used twice.
    """

    def create(oid: int) -> None:
        """
        An empty object.  Raises FileExistsError.
        """

    def read_into(oid: int, offset: int, view: memoryview) -> int:
        """
        Fills ``view`` from ``offset`` (bytes); the count is short at the end of the object.
        Raises FileNotFoundError.
        """

    def read_now(oid: int, offset: int, view: memoryview) -> bool:
        """
        As ``read_into`` if the medium need not be waited for, and all of ``view`` is there; or
        False.
        """

    def write(oid: int, offset: int, data: bytes | memoryview) -> None:
        """
        Writes all of ``data`` at ``offset`` (bytes); a gap before it reads as zeros.  Raises
        FileNotFoundError.
        """

    def copy(source: int, target: int) -> None:
        """
        A new object with the content of ``source``, shared with it where the medium can.  After an
        error there is no target.

        Raises FileNotFoundError, FileExistsError.
        """

    def zero(oid: int, offset: int, size: int) -> None:
        """
        The range reads as zeros, and takes no space where the medium can free it.  Raises
        FileNotFoundError.
        """

    def prefetch(oid: int, offset: int, size: int) -> None:
        """
        A hint that the range is about to be read.  Never raises.
        """

    def flush(oids: Iterable[int]) -> None:
        """
        Returns when content and existence of these objects are on stable storage.  A missing
        object is passed over.
        """

    def flush_all() -> None:
        """
        As ``flush`` for everything written so far, by any process.
        """

    def remove(oid: int) -> None:
        """
        The object is gone; nothing happens if it was already.
        """

    def of_session(session: int) -> list[int]:
        """
        Names of the objects whose upper half is ``session``.
        """

    def tidy(session: int) -> None:
        """
        Forgets what is kept for a session without objects (empty directories).  Nobody may create
        in it any more.
        """

    def close() -> None:
        """
        Lets go of everything that is held open.
        """


class ILog(Interface):
    """
    A record that grows at its end.
    """

    def append(data: bytes) -> None:
        """
        Adds ``data``: it survives this process at once, and the machine after ``sync``.
        """

    def sync() -> None:
        """
        Returns when everything appended is on stable storage.
        """

    def close() -> None:
        """
        Lets go of the log; it stays in the store.
        """


class IRecords(Interface):
    """
    Small named values in rooms.  A room is a short lower-case word; a name is 1-140 characters of
    ``[A-Za-z0-9._-]``.
    """

    def get(room: str, name: str, size: int = -1) -> bytes:
        """
        The value, or its first ``size`` bytes.  Raises FileNotFoundError.
        """

    def put(room: str, name: str, value: bytes) -> None:
        """
        Makes or replaces the value, atomically, on stable storage.
        """

    def create(room: str, name: str, value: bytes) -> None:
        """
        As ``put``, but raises FileExistsError when there is a value.
        """

    def move(room: str, name: str, to_room: str, to_name: str) -> None:
        """
        Renames atomically, on stable storage.  Raises FileNotFoundError, FileExistsError.
        """

    def remove(room: str, name: str) -> None:
        """
        The value is gone; nothing happens if it was already.
        """

    def names(room: str) -> list[str]:
        """
        Names in the room, sorted.
        """

    def log(room: str, name: str, start: bytes, replaces: bool = False) -> ILog:
        """
        A log that holds ``start``, on stable storage.

        replaces: in place of what was there, atomically; or raise FileExistsError.
        """
