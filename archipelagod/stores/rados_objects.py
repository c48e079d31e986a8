"""
Objects of volumes as objects of Ceph.

An object is in the index of its session before it is made, and until it is gone: the index may name
some that are not there, and misses none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archipelagod.stores.rados_pool import RadosPool

_SESSIONS = "sessions"
_PIECE = 65536  # of a copy: pieces of zeros are not written


class RadosObjects:
    """
    See IObjects.  ``<session>.<sequence>``, in hexadecimal.
    """

    def __init__(self, pool: RadosPool) -> None:
        self._pool = pool
        self._known_sessions: set[int] = set()

    def create(self, oid: int) -> None:
        """See IObjects."""
        session = oid >> 32
        if session not in self._known_sessions:
            self._pool.index(_SESSIONS, f"{session:08x}")
            self._known_sessions.add(session)
        self._pool.index(_index(session), f"{oid & 0xFFFFFFFF:08x}")
        with self._pool.change(_name(oid)) as operation:
            self._pool.must_be_new(operation)

    def read_into(self, oid: int, offset: int, view: memoryview) -> int:
        """See IObjects."""
        found = self._pool.read(_name(oid), len(view), offset)
        view[: len(found)] = found
        return len(found)

    def read_now(self, oid: int, offset: int, view: memoryview) -> bool:
        """See IObjects: the network is always waited for."""
        return False

    def write(self, oid: int, offset: int, data: bytes | memoryview) -> None:
        """See IObjects."""
        with self._pool.change(_name(oid)) as operation:
            self._pool.must_exist(operation)
            operation.write(bytes(data), offset)

    def copy_range(self, source: int, target: int, offset: int, size: int) -> None:
        """See IObjects."""
        found = self._pool.read(_name(source), size, offset)
        with self._pool.change(_name(target)) as operation:
            self._pool.must_exist(operation)
            self._pool.zero(operation, offset, size)
            for at in range(0, len(found), _PIECE):
                piece = found[at : at + _PIECE]
                if piece.count(0) < len(piece):
                    operation.write(piece, offset + at)

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._pool.change(_name(oid)) as operation:
            self._pool.must_exist(operation)
            self._pool.zero(operation, offset, size)

    def prefetch(self, oid: int, offset: int, size: int) -> None:
        """See IObjects: Ceph keeps no cache here."""

    def start_writing(self, oids: Iterable[int]) -> None:
        """See IObjects: it was written."""

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects: every write was stable when it returned."""

    def flush_all(self) -> None:
        """See IObjects: every write was stable when it returned."""

    def remove(self, oid: int) -> None:
        """See IObjects."""
        self._pool.remove(_name(oid))
        self._pool.unindex(_index(oid >> 32), f"{oid & 0xFFFFFFFF:08x}")

    def of_session(self, session: int) -> list[int]:
        """See IObjects."""
        return [session << 32 | int(key, 16) for key in self._pool.indexed(_index(session))]

    def sessions(self) -> list[int]:
        """See IObjects."""
        return [int(key, 16) for key in self._pool.indexed(_SESSIONS)]

    def tidy(self, session: int) -> None:
        """See IObjects."""
        if next(self._pool.indexed(_index(session)), None) is None:
            self._pool.remove(_index(session))
            self._pool.unindex(_SESSIONS, f"{session:08x}")
            self._known_sessions.discard(session)

    def space(self, oid: int) -> int:
        """See IObjects."""
        return self._pool.size_and_time(_name(oid))[0]

    def fd(self, oid: int) -> int | None:
        """See IObjects."""
        self._pool.size_and_time(_name(oid))
        return None

    def close(self) -> None:
        """See IObjects."""


def _name(oid: int) -> str:
    return f"{oid >> 32:08x}.{oid & 0xFFFFFFFF:08x}"


def _index(session: int) -> str:
    return f"index.{session:08x}"
