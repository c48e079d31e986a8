"""
A power cut: what was not stable is lost, or some of it.  Standard library only.

Of each object and log some sectors stay as they were and some as they became, as on a disk that
loses its power; a log may also end where zeros were.
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
    LOG_CHANGE,
    LOG_END,
    LOG_RESTART,
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
    for place, changes in _unstable_logs(notes).items():
        room, _, name = place.decode().partition("/")
        with contextlib.suppress(FileNotFoundError):
            value = store.records.get(room, name)
            left = _log_left(value, changes, chance)
            if left != value:
                store.records.log(room, name, left, replaces=True).close()
                count += 1
    return count


def _unstable_logs(notes: list[Note]) -> dict[bytes, list[Note]]:
    """
    By place, the changes of every log that are not known to be stable, by time.
    """
    which: dict[bytes, int] = {}
    found: dict[bytes, list[Note]] = {}
    for note in notes:
        place = note.data[: note.size] if note.kind == LOG_CHANGE else note.data
        if note.kind == LOG:
            which[place] = note.key
        elif note.kind == LOG_END:
            which.pop(place, None)
            found.pop(place, None)
        if note.kind in (LOG, LOG_CHANGE, LOG_SYNC, LOG_RESTART) and which.get(place) == note.key:
            found[place] = _still_unstable(found.get(place, []), note)
    return found


def _still_unstable(changes: list[Note], note: Note) -> list[Note]:
    """
    Changes of a log after one more note.
    """
    if note.kind == LOG_CHANGE:
        return [*changes, note]
    if note.kind == LOG_SYNC:  # a change at 0 is a restart that was cut short
        return [each for each in changes if each.offset >= note.offset]
    return []


def _log_left(new: bytes, changes: list[Note], chance: random.Random) -> bytes:
    """
    What is left of a log: the beginning of its changes, or any sectors of them.
    """
    old = bytearray(new)
    for note in reversed(changes):
        was = note.data[note.size :]
        place = slice(note.offset, min(note.offset + len(was), len(new)))
        old[place] = was[: place.stop - place.start]
    if not changes:
        return new
    end = max(note.offset + len(note.data) - note.size for note in changes)
    cut = chance.randint(changes[0].offset, end)
    if cut < SECTOR and not min(note.offset for note in changes):
        cut = 0  # a restart
    how = chance.randrange(3)
    if how < 2:
        left = new[:cut] + old[cut:]
        return left.rstrip(b"\0") if how else left
    return _mixed_sectors(bytes(old), new, chance)


def _mixed_sectors(old: bytes, new: bytes, chance: random.Random) -> bytes:
    parts = (slice(at, at + SECTOR) for at in range(0, len(new), SECTOR))
    return b"".join((old if chance.random() < 0.5 else new)[part] for part in parts)
