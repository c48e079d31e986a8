"""
A power cut: what was not stable is lost, or some of it.  Standard library only.

Of each object some sectors stay as they were and some as they became, as on a disk that loses its
power; a log ends somewhere between what was stable and what was appended, or in zeros.
"""

from __future__ import annotations

import contextlib
import os
import random

from archipelagod.stores.store import Store
from archipelagod.stores.unsynced import (
    CHANGE,
    CREATE,
    DONE,
    FLUSH,
    FLUSH_ALL,
    LOG,
    LOG_END,
    LOG_SYNC,
    MAX_OBJECT,
    REMOVE,
    Note,
    read_books,
    read_object,
)

SECTOR = 512  # what a disk writes wholly or not at all


def cut_power(store: Store, directory: str, seed: int) -> int:
    """
    Takes from the store what was not stable, or some of it, and clears the books; all processes
    that used the store must be gone.  Returns how many objects and logs had something to lose.

    Journals are believed only by the boot that wrote them: give them another boot's tag, too.
    """
    chance = random.Random(seed)
    notes = read_books(directory)
    lost = _cut_objects(store, notes, chance) + _cut_logs(store, notes, chance)
    for name in os.listdir(directory):  # noqa: PTH208
        os.unlink(f"{directory}/{name}")  # noqa: PTH108
    return lost


def unflushed(notes: list[Note]) -> dict[int, list[Note]]:
    """
    By object, the changes that were not done when it was flushed last, by time.
    """
    done = {(note.key, note.offset): note.at_ns for note in notes if note.kind == DONE}
    flushed = {note.key: note.at_ns for note in notes if note.kind == FLUSH}
    everything = max((note.at_ns for note in notes if note.kind == FLUSH_ALL), default=0)
    found: dict[int, list[Note]] = {}
    for note in notes:
        if note.kind in (CREATE, CHANGE, REMOVE):
            ended_ns = done.get((note.key, note.at_ns))
            stable_ns = max(flushed.get(note.key, 0), everything)
            if ended_ns is None or ended_ns >= stable_ns:
                found.setdefault(note.key, []).append(note)
    return found


def _cut_objects(store: Store, notes: list[Note], chance: random.Random) -> int:
    changed = unflushed(notes)
    for oid, changes in changed.items():
        try:
            new = read_object(store.objects, oid, 0, MAX_OBJECT)
        except FileNotFoundError:
            if changes[-1].kind != REMOVE or chance.random() < 0.5:
                continue  # the removal was stable
            new = changes[-1].data
            store.objects.create(oid)
            store.objects.write(oid, 0, new)
        if changes[0].kind == CREATE and chance.random() < 0.5:
            store.objects.remove(oid)
        else:
            _rewrite(store, oid, _before(new, changes), new, chance)
    return len(changed)


def _before(new: bytes, changes: list[Note]) -> bytes:
    """
    An object's content as it was before the changes.
    """
    old = bytearray(new.ljust(MAX_OBJECT, b"\0"))
    for note in reversed(changes):
        size = MAX_OBJECT if note.kind == CREATE else note.size
        old[note.offset : note.offset + size] = note.data.ljust(size, b"\0")
    return bytes(old)


def _rewrite(store: Store, oid: int, old: bytes, new: bytes, chance: random.Random) -> None:
    """
    Leaves some sectors as they were; in some objects none, in some all.
    """
    kept = chance.choice((0.0, 0.5, 0.5, 1.0))
    new = new.ljust(len(old), b"\0")
    for at in range(0, len(old), SECTOR):
        sector = old[at : at + SECTOR]
        if sector != new[at : at + SECTOR] and chance.random() >= kept:
            store.objects.write(oid, at, sector)


def _cut_logs(store: Store, notes: list[Note], chance: random.Random) -> int:
    count = 0
    for place, size in _stable_logs(notes).items():
        room, _, name = place.decode().partition("/")
        with contextlib.suppress(FileNotFoundError):
            value = store.records.get(room, name)
            left = value[:size] + _tail(value[size:], chance)
            if left != value:
                store.records.log(room, name, left, replaces=True).close()
                count += 1
    return count


def _stable_logs(notes: list[Note]) -> dict[bytes, int]:
    """
    By place, the stable size of every log that is still there.
    """
    which: dict[bytes, int] = {}
    sizes: dict[bytes, int] = {}
    for note in notes:
        if note.kind == LOG:
            which[note.data] = note.key
        if note.kind in (LOG, LOG_SYNC) and which.get(note.data) == note.key:
            sizes[note.data] = note.offset
        elif note.kind == LOG_END:
            which.pop(note.data, None)
            sizes.pop(note.data, None)
    return sizes


def _tail(tail: bytes, chance: random.Random) -> bytes:
    """
    What is left of an append: its beginning, with zeros after it or without, or any of its sectors.
    """
    written = len(tail.rstrip(b"\0"))
    cut = chance.randint(0, written)
    how = chance.randrange(3)
    if how < 2:
        return tail[:cut] + bytes(len(tail) - cut if how else 0)
    parts = (tail[at : at + SECTOR] for at in range(0, len(tail), SECTOR))
    return b"".join(part if chance.random() < 0.5 else bytes(len(part)) for part in parts)
