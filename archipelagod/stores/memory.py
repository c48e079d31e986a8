"""
Objects and records in memory: for tests and for clouds that are thrown away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from archipelagod.stores.names import checked_name, page


class MemoryObjects:
    """
    See IObjects.
    """

    def __init__(self) -> None:
        self._contents: dict[int, bytearray] = {}
        self._lock = threading.Lock()

    def _content(self, oid: int) -> bytearray:
        try:
            return self._contents[oid]
        except KeyError:
            raise FileNotFoundError(2, f"no object {oid:016x}") from None

    def create(self, oid: int) -> None:
        """See IObjects."""
        with self._lock:
            if oid in self._contents:
                raise FileExistsError(17, f"object {oid:016x} exists")
            self._contents[oid] = bytearray()

    def read_into(self, oid: int, offset: int, view: memoryview) -> int:
        """See IObjects."""
        with self._lock:
            found = self._content(oid)[offset : offset + len(view)]
        view[: len(found)] = found
        return len(found)

    def read_now(self, oid: int, offset: int, view: memoryview) -> bool:
        """See IObjects."""
        return self.read_into(oid, offset, view) == len(view)

    def write(self, oid: int, offset: int, data: bytes | memoryview) -> None:
        """See IObjects."""
        with self._lock:
            content = self._content(oid)
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data

    def copy_range(self, source: int, target: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._lock:
            content = self._content(target)
            found = self._content(source)[offset : offset + size]
            if found and len(content) < offset:
                content.extend(bytes(offset - len(content)))
            stays = max(len(found), min(offset + size, len(content)) - offset)
            content[offset : offset + stays] = found.ljust(stays, b"\0")

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._lock:
            content = self._content(oid)
            end = min(offset + size, len(content))
            if end > offset:
                content[offset:end] = bytes(end - offset)

    def prefetch(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""

    def start_writing(self, oids: Iterable[int]) -> None:
        """See IObjects."""

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects."""

    def flush_all(self) -> None:
        """See IObjects."""

    def remove(self, oid: int) -> None:
        """See IObjects."""
        with self._lock:
            self._contents.pop(oid, None)

    def of_session(self, session: int) -> list[int]:
        """See IObjects."""
        with self._lock:
            return [oid for oid in self._contents if oid >> 32 == session]

    def sessions(self) -> list[int]:
        """See IObjects."""
        with self._lock:
            return sorted({oid >> 32 for oid in self._contents})

    def tidy(self, session: int) -> None:
        """See IObjects."""

    def space(self, oid: int) -> int:
        """See IObjects."""
        return len(self._content(oid))

    def fd(self, oid: int) -> int | None:
        """See IObjects."""
        self._content(oid)
        return None

    def close(self) -> None:
        """See IObjects."""


class MemoryLog:
    """
    See ILog.
    """

    def __init__(self, value: bytearray, changed: Callable[[], None]) -> None:
        self._value = value
        self._end = len(value)
        self._changed = changed

    def append(self, data: bytes | bytearray) -> None:
        """See ILog."""
        end = self._end + len(data)
        self._value[self._end : end] = data
        self._end = end
        self._changed()

    def sync(self) -> None:
        """See ILog."""

    def restart(self, start: bytes) -> None:
        """See ILog."""
        self._end = 0
        self.append(start)

    def close(self) -> None:
        """See ILog."""


class MemoryRecords:
    """
    See IRecords.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], bytearray] = {}
        self._stamps: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def _value(self, room: str, name: str) -> bytearray:
        try:
            return self._values[room, name]
        except KeyError:
            raise FileNotFoundError(2, f"no record {room}/{name}") from None

    def _set(self, room: str, name: str, value: bytes) -> bytearray:
        key = room, checked_name(name)
        self._values[key] = bytearray(value)
        self._stamps[key] = time.time()
        return self._values[key]

    def _check_free(self, room: str, name: str) -> None:
        if (room, name) in self._values:
            raise FileExistsError(17, f"record {room}/{name} exists")

    def get(self, room: str, name: str, size: int = -1) -> bytes:
        """See IRecords."""
        with self._lock:
            value = self._value(room, name)
            return bytes(value if size < 0 else value[:size])

    def view(self, room: str, name: str) -> memoryview:
        """See IRecords."""
        return memoryview(bytearray(self.get(room, name)))

    def stamp(self, room: str, name: str) -> float:
        """See IRecords."""
        with self._lock:
            self._value(room, name)
            return self._stamps.get((room, name), 0.0)

    def put(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        with self._lock:
            self._set(room, name, value)

    def create(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        with self._lock:
            self._check_free(room, name)
            self._set(room, name, value)

    def move(self, room: str, name: str, to_room: str, to_name: str) -> None:
        """See IRecords."""
        with self._lock:
            value = self._value(room, name)
            self._check_free(to_room, to_name)
            self._set(to_room, to_name, b"")
            self._values[to_room, to_name] = value
            del self._values[room, name]

    def remove(self, room: str, name: str) -> None:
        """See IRecords."""
        with self._lock:
            self._values.pop((room, name), None)

    def names(
        self, room: str, after: str = "", limit: int | None = None, prefix: str = ""
    ) -> list[str]:
        """See IRecords."""
        with self._lock:
            found = sorted(name for where, name in self._values if where == room)
        return page([found], after, limit, prefix)

    def log(self, room: str, name: str, start: bytes, replaces: bool = False) -> MemoryLog:
        """See IRecords."""
        with self._lock:
            if not replaces:
                self._check_free(room, name)
            value = self._set(room, name, start)
        return MemoryLog(value, lambda: self._stamps.__setitem__((room, name), time.time()))
