"""
Objects and records in memory: for tests and for clouds that are thrown away.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable


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

    def copy(self, source: int, target: int) -> None:
        """See IObjects."""
        with self._lock:
            if target in self._contents:
                raise FileExistsError(17, f"object {target:016x} exists")
            self._contents[target] = bytearray(self._content(source))

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._lock:
            content = self._content(oid)
            end = min(offset + size, len(content))
            if end > offset:
                content[offset:end] = bytes(end - offset)

    def prefetch(self, oid: int, offset: int, size: int) -> None:
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

    def tidy(self, session: int) -> None:
        """See IObjects."""

    def close(self) -> None:
        """See IObjects."""


class MemoryLog:
    """
    See ILog.
    """

    def __init__(self, value: bytearray) -> None:
        self._value = value

    def append(self, data: bytes) -> None:
        """See ILog."""
        self._value += data

    def sync(self) -> None:
        """See ILog."""

    def close(self) -> None:
        """See ILog."""


class MemoryRecords:
    """
    See IRecords.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], bytearray] = {}
        self._lock = threading.Lock()

    def get(self, room: str, name: str, size: int = -1) -> bytes:
        """See IRecords."""
        with self._lock:
            try:
                value = self._values[room, name]
            except KeyError:
                raise FileNotFoundError(2, f"no record {room}/{name}") from None
            return bytes(value if size < 0 else value[:size])

    def put(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        with self._lock:
            self._values[room, name] = bytearray(value)

    def create(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        with self._lock:
            if (room, name) in self._values:
                raise FileExistsError(17, f"record {room}/{name} exists")
            self._values[room, name] = bytearray(value)

    def move(self, room: str, name: str, to_room: str, to_name: str) -> None:
        """See IRecords."""
        with self._lock:
            if (room, name) not in self._values:
                raise FileNotFoundError(2, f"no record {room}/{name}")
            if (to_room, to_name) in self._values:
                raise FileExistsError(17, f"record {to_room}/{to_name} exists")
            self._values[to_room, to_name] = self._values.pop((room, name))

    def remove(self, room: str, name: str) -> None:
        """See IRecords."""
        with self._lock:
            self._values.pop((room, name), None)

    def names(self, room: str) -> list[str]:
        """See IRecords."""
        with self._lock:
            return sorted(name for found, name in self._values if found == room)

    def log(self, room: str, name: str, start: bytes, replaces: bool = False) -> MemoryLog:
        """See IRecords."""
        with self._lock:
            if (room, name) in self._values and not replaces:
                raise FileExistsError(17, f"record {room}/{name} exists")
            value = self._values[room, name] = bytearray(start)
            return MemoryLog(value)
