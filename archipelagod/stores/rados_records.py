"""
Records as objects of Ceph.

A name is in the index of its room before the value is there, and until it is gone.  Every value has
a mark of its own: it tells a log, and a move, whether it is still the same.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from archipelagod.stores.doubt import InDoubt
from archipelagod.stores.names import checked_name

if TYPE_CHECKING:
    from archipelagod.stores.rados_pool import RadosPool

_REFUSED = (errno.ESTALE, errno.ENOSPC)  # answers of an OSD that did nothing
_SHORT = 4096  # what is no longer is about what is there, and no new content
_MARK, _ORIGIN = "mark", "origin"  # keys of a value: its own mark, and that which it was moved from


class RadosLog:
    """
    See ILog.  Raises OSError (ESTALE) when another value took its place.
    """

    def __init__(self, pool: RadosPool, name: str, mark: str) -> None:
        self._pool = pool
        self._name = name
        self._mark = mark

    def append(self, data: bytes | bytearray) -> None:
        """See ILog."""
        try:
            with self._change(is_urgent=len(data) <= _SHORT) as operation:
                operation.append(bytes(data))
        except OSError as error:
            if error.errno in _REFUSED:
                raise
            raise InDoubt(*error.args) from error

    @contextlib.contextmanager
    def _change(self, *, is_urgent: bool) -> Iterator[Any]:
        try:
            with self._pool.change(self._name, is_urgent=is_urgent) as operation:
                _must_be(operation, self._mark)
                yield operation
        except OSError as error:
            if error.errno not in (errno.ECANCELED, errno.ENOENT):
                raise
            raise OSError(errno.ESTALE, "the log was replaced or removed", self._name) from error

    def sync(self) -> None:
        """See ILog: every append was stable when it returned."""

    def restart(self, start: bytes) -> None:
        """See ILog."""
        with self._change(is_urgent=True) as operation:
            operation.write_full(bytes(start))

    def close(self) -> None:
        """See ILog."""


class RadosRecords:
    """
    See IRecords.  ``<room>/<name>``.

    Replacing and moving records is possible in a full cluster, too: what else would empty it?
    """

    def __init__(self, pool: RadosPool) -> None:
        self._pool = pool

    def get(self, room: str, name: str, size: int = -1) -> bytes:
        """See IRecords."""
        path = _path(room, name)
        return self._pool.read_all(path) if size < 0 else self._pool.read(path, size)

    def view(self, room: str, name: str) -> memoryview:
        """See IRecords."""
        return memoryview(bytearray(self.get(room, name)))

    def stamp(self, room: str, name: str) -> float:
        """See IRecords."""
        return self._pool.size_and_time(_path(room, name))[1]

    def put(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        self._write(room, name, value, replaces=True, is_urgent=True)

    def create(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        self._write(room, name, value, replaces=False)

    def log(self, room: str, name: str, start: bytes, replaces: bool = False) -> RadosLog:
        """See IRecords."""
        mark = self._write(room, name, start, replaces=replaces)
        return RadosLog(self._pool, _path(room, name), mark)

    def _write(
        self,
        room: str,
        name: str,
        value: bytes,
        *,
        replaces: bool,
        is_urgent: bool = False,
        origin: str = "",
    ) -> str:
        """
        The mark of the new value.
        """
        path, mark = _path(room, name), os.urandom(8).hex()
        self._pool.index(_index(room), name, is_urgent=is_urgent)
        with self._pool.change(path, is_urgent=is_urgent) as operation:
            if not replaces:
                self._pool.must_be_new(operation)
            operation.write_full(bytes(value))
            self._pool.set_keys(operation, **{_MARK: mark, _ORIGIN: origin})
        return mark

    def move(self, room: str, name: str, to_room: str, to_name: str) -> None:
        """See IRecords."""
        source, target = _path(room, name), _path(to_room, to_name)
        mark = self._pool.key(source, _MARK)
        if mark is None:
            raise FileNotFoundError(2, f"no record {room}/{name}")
        try:
            value = self.get(room, name)
            self._write(to_room, to_name, value, replaces=False, is_urgent=True, origin=mark)
        except FileExistsError:
            if self._pool.key(target, _ORIGIN) != mark:
                raise
            # a move that was cut short is finished here
        try:
            with self._pool.change(source) as operation:
                _must_be(operation, mark)
                operation.remove()
        except OSError as error:
            if error.errno not in (errno.ECANCELED, errno.ENOENT):
                raise
            self.remove(to_room, to_name)  # another was faster: moved, removed or replaced it
            raise FileNotFoundError(2, f"no record {room}/{name}") from error
        self._pool.unindex(_index(room), name)

    def remove(self, room: str, name: str) -> None:
        """See IRecords."""
        with contextlib.suppress(FileNotFoundError):  # of a name that cannot be
            self._pool.remove(_path(room, name))
            self._pool.unindex(_index(room), name)

    def names(
        self, room: str, after: str = "", limit: int | None = None, prefix: str = ""
    ) -> list[str]:
        """See IRecords."""
        return list(islice(self._pool.indexed(_index(room), after, prefix), limit))


def _path(room: str, name: str) -> str:
    return f"{room}/{checked_name(name)}"


def _index(room: str) -> str:
    return f"index.{room}"


def _must_be(operation: Any, mark: str) -> None:
    """
    Makes the operation fail (ECANCELED, ENOENT) if the value is another.
    """
    operation.omap_cmp(_MARK, mark)
