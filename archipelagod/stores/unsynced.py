"""
What a power cut would take from a store, written down while daemons use it.  Standard library only.

Every process keeps a book of what was there before each change of an object, and of what became
stable.  After the processes were killed ``archipelagod.stores.power_cut`` reads the books.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from archipelagod.stores.directories import make_directory
from archipelagod.stores.store import Store

_HEADER = struct.Struct(">cQQQQI")
MAX_OBJECT = 4 << 20
_serial = itertools.count()

# kinds of notes
CREATE, CHANGE, REMOVE, DONE, FLUSH, FLUSH_ALL = b"c", b"w", b"x", b"d", b"f", b"a"
LOG, LOG_CHANGE, LOG_SYNC, LOG_RESTART, LOG_END = b"l", b"o", b"s", b"r", b"e"


class Note(NamedTuple):
    """
    One line of the book.  at_ns: by the clock that all processes of the machine share.

    CREATE, CHANGE (of a range, and the ``data`` that was there) and REMOVE (all ``data``) of object
    ``key`` begin at ``at_ns``; DONE says with ``offset`` which it ends.  FLUSH and FLUSH_ALL began
    at ``at_ns``.

    Of logs ``data`` is room and name, ``key`` which log.  LOG and LOG_RESTART: all of it is stable.
    LOG_SYNC: what was appended before ``offset``.  LOG_CHANGE: the bytes at ``offset`` are about to
    change; what was there follows the name, whose length is ``size``.
    """

    kind: bytes
    key: int
    at_ns: int
    offset: int = 0
    size: int = 0
    data: bytes = b""


class Book:
    """
    The notes of this process.
    """

    def __init__(self, directory: str) -> None:
        make_directory(directory)
        path = f"{directory}/{os.getpid()}.{next(_serial)}.{time.monotonic_ns()}"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def note(self, note: Note) -> None:
        """
        The note outlives this process.
        """
        head = _HEADER.pack(*note[:5], len(note.data))
        os.write(self._fd, head + note.data)  # a regular file takes all, or there is no space


def read_books(directory: str) -> list[Note]:
    """
    All notes, by time.
    """
    notes: list[Note] = []
    for name in os.listdir(directory):  # noqa: PTH208 - as everywhere in this package
        with open(f"{directory}/{name}", "rb") as file:  # noqa: PTH123
            notes.extend(_parse(file.read()))
    return sorted(notes, key=lambda note: note.at_ns)


def _parse(content: bytes) -> Iterator[Note]:
    at = 0
    while at + _HEADER.size <= len(content):
        kind, key, at_ns, offset, size, length = _HEADER.unpack_from(content, at)
        at += _HEADER.size
        if at + length > len(content):
            return  # its writer was killed over it, before the change itself
        yield Note(kind, key, at_ns, offset, size, content[at : at + length])
        at += length


class Unsynced:
    """
    Objects and records of a store, with a book kept of them.
    """

    def __init__(self, store: Store, directory: str) -> None:
        book = Book(directory)
        self.objects = NotedObjects(store.objects, book)
        self.records = NotedRecords(store.records, book)


class NotedObjects:
    """
    See IObjects.
    """

    def __init__(self, objects: Any, book: Book) -> None:
        self._objects = objects
        self._book = book
        self._lock = threading.Lock()  # what was there, and the change, belong together

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    @contextlib.contextmanager
    def _noted(self, kind: bytes, oid: int, offset: int = 0, size: int = 0) -> Iterator[None]:
        with self._lock:
            began_ns = time.monotonic_ns()
            data = b"" if kind == CREATE else read_object(self._objects, oid, offset, size)
            self._book.note(Note(kind, oid, began_ns, offset, size, data))
            yield
            self._book.note(Note(DONE, oid, time.monotonic_ns(), began_ns))

    def create(self, oid: int) -> None:
        """See IObjects."""
        with self._noted(CREATE, oid):
            self._objects.create(oid)

    def write(self, oid: int, offset: int, data: bytes | memoryview) -> None:
        """See IObjects."""
        with self._noted(CHANGE, oid, offset, len(data)):
            self._objects.write(oid, offset, data)

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._noted(CHANGE, oid, offset, size):
            self._objects.zero(oid, offset, size)

    def copy_range(self, source: int, target: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._noted(CHANGE, target, offset, size):
            self._objects.copy_range(source, target, offset, size)

    def remove(self, oid: int) -> None:
        """See IObjects."""
        try:
            with self._noted(REMOVE, oid, 0, MAX_OBJECT):
                self._objects.remove(oid)
        except FileNotFoundError:
            self._objects.remove(oid)

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects."""
        flushed = list(oids)
        began_ns = time.monotonic_ns()
        self._objects.flush(flushed)
        for oid in flushed:
            self._book.note(Note(FLUSH, oid, began_ns))

    def flush_all(self) -> None:
        """See IObjects."""
        began_ns = time.monotonic_ns()
        self._objects.flush_all()
        self._book.note(Note(FLUSH_ALL, 0, began_ns))


class NotedRecords:
    """
    See IRecords.  Only logs have something to lose.
    """

    def __init__(self, records: Any, book: Book) -> None:
        self._records = records
        self._book = book

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def _ended(self, room: str, name: str) -> None:
        self._book.note(Note(LOG_END, 0, time.monotonic_ns(), data=f"{room}/{name}".encode()))

    def put(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        self._records.put(room, name, value)
        self._ended(room, name)

    def move(self, room: str, name: str, to_room: str, to_name: str) -> None:
        """See IRecords."""
        self._records.move(room, name, to_room, to_name)
        self._ended(room, name)

    def remove(self, room: str, name: str) -> None:
        """See IRecords."""
        self._records.remove(room, name)
        self._ended(room, name)

    def log(self, room: str, name: str, start: bytes, replaces: bool = False) -> NotedLog:
        """See IRecords."""
        log = self._records.log(room, name, start, replaces)
        place = f"{room}/{name}".encode()
        began_ns = time.monotonic_ns()
        about = Note(LOG, began_ns, began_ns, len(start), data=place)
        self._book.note(about)
        return NotedLog(log, self._book, about, lambda: self._records.view(room, name))


class NotedLog:
    """
    See ILog.
    """

    def __init__(self, log: Any, book: Book, about: Note, view: Callable[[], memoryview]) -> None:
        self._log = log
        self._book = book
        self._about = about
        self._view = view
        self._size = about.offset
        self.close = log.close

    def _note(self, kind: bytes, offset: int, size: int = 0, data: bytes = b"") -> None:
        data = self._about.data + data
        self._book.note(Note(kind, self._about.key, time.monotonic_ns(), offset, size, data))

    def _note_change(self, offset: int, size: int) -> None:
        with contextlib.suppress(FileNotFoundError):  # it was removed, and can lose nothing
            old = bytes(self._view()[offset : offset + size]).ljust(size, b"\0")
            self._note(LOG_CHANGE, offset, len(self._about.data), old)

    def append(self, data: bytes | bytearray) -> None:
        """See ILog."""
        self._note_change(self._size, len(data))
        self._log.append(data)
        self._size += len(data)

    def sync(self) -> None:
        """See ILog."""
        size = self._size
        self._log.sync()
        self._note(LOG_SYNC, size)

    def restart(self, start: bytes) -> None:
        """See ILog."""
        self._note_change(0, len(start))
        self._log.restart(start)
        self._note(LOG_RESTART, 0)
        self._size = len(start)


def read_object(objects: Any, oid: int, offset: int, size: int) -> bytes:
    """
    What there is of the range.  Raises FileNotFoundError.
    """
    found = bytearray(min(size, MAX_OBJECT))
    return bytes(found[: objects.read_into(oid, offset, memoryview(found))])
