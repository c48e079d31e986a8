"""
Removing content-addressed blocks that no volume refers to.

A block lives as long as a list of keys names it, used or not: lists of all maps, whatever room they
are in, and lists that no map refers to yet.  Younger ones stay too: who puts blocks, or hears that
they are there, has a grace period to make a volume of them.

A volume that is made meanwhile is safe for another reason than the grace: see ``sweeps``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.upkeep.marks import PARTITIONS, Marks
from archipelagod.volume import sweeps
from archipelagod.volume.census import Step, look
from archipelagod.volume.map_format import KEY_BYTES, DamagedMap, Header, Record
from archipelagod.volume.slots import BODIES, body_name

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

PAGE = 1000  # keys at a time
READ_KEYS = 1 << 15


class SweptBlocks(NamedTuple):
    """
    What a sweep did.
    """

    there: int  # blocks looked at
    removed: int
    spared: int  # too young


class _Bodies:
    """
    Visitor: names of the bodies and lists that maps refer to.
    """

    def __init__(self) -> None:
        self.lists: set[str] = set()
        self.others: set[str] = set()

    def has_enough(self) -> bool:
        """See IVisitor."""
        return False

    def wants(self, header: Header) -> bool:
        """See IVisitor."""
        return bool(header.keys or header.body)

    def visit(self, record: Record) -> None:
        """See IVisitor."""
        if record.header.keys:
            self.lists.add(body_name(record.header.keys))
        if record.header.body:
            self.others.add(body_name(record.header.body))

    def damaged(self, header: Header) -> None:
        """See IVisitor: the header says enough."""
        self.visit(Record(header, {}, {}))


def sweeping(store: Store, before_s: float) -> Generator[Step, None, SweptBlocks]:
    """
    Removes blocks that nothing refers to, a step at a time; one sweep at a time.  It may end at any
    step, and begin again.

    before_s: blocks put later stay (store's clock).  Raises Restless, DamagedMap when it is not
    known what a volume refers to, OSError.
    """
    sweeps.forget(store)
    marks = Marks(KEY_BYTES)
    try:
        known = set(store.records.names(BODIES))
        bodies = _Bodies()
        yield from look(store, bodies, set())
        for name in sorted(bodies.lists | (known - bodies.others)):
            yield from _mark(store, name, marks, is_needed=name in bodies.lists)
        known |= bodies.lists | bodies.others
        return (yield from _Sweep(store, marks, known, before_s).run())
    finally:
        marks.close()


def _mark(store: Store, name: str, marks: Marks, *, is_needed: bool) -> Iterator[Step]:
    """
    What is in no map yet may be a list or not: a body that is taken for one spares nothing.
    """
    try:
        view = store.records.view(BODIES, name)
    except FileNotFoundError:
        if is_needed:
            raise DamagedMap(f"the list of keys {name} is lost") from None
        return
    for start in range(0, len(view), READ_KEYS * KEY_BYTES):
        part = view[start : start + READ_KEYS * KEY_BYTES]
        for key in sweeps.split(part):
            marks.add(key[0], key)
        yield Step(read_bytes=len(part))


class _Sweep:
    """
    The blocks, page by page in the order of their keys.
    """

    def __init__(self, store: Store, marks: Marks, known: set[str], before_s: float) -> None:
        self._store = store
        self._marks = marks
        self._known = known  # names of bodies whose keys are marked
        self._before_s = before_s
        self._late: set[bytes] = set()  # keys in lists that were made meanwhile
        self._there = self._removed = self._spared = 0

    def run(self) -> Generator[Step, None, SweptBlocks]:
        """
        All of them.
        """
        after, partition = b"", -1
        live: set[bytes] = set()
        while page := self._store.blocks.keys(after, PAGE):
            garbage = []
            for key in page:
                if key[0] != partition:
                    partition = key[0]
                    live = self._marks.load(partition)
                if key not in live and self._is_old(key):
                    garbage.append(key)
            yield from self._remove(garbage)
            self._there += len(page)
            after = page[-1]
            yield Step(maps=len(page))
        return SweptBlocks(self._there, self._removed, self._spared)

    def _is_old(self, key: bytes) -> bool:
        try:
            is_old = self._store.blocks.stamp(key) < self._before_s
        except FileNotFoundError:
            return False
        self._spared += not is_old
        return is_old

    def _remove(self, garbage: list[bytes]) -> Iterator[Step]:
        if not garbage:
            return
        with sweeps.announced(self._store, garbage):
            self._look_again()
            for key in garbage:
                if key not in self._late and self._is_old(key):
                    yield self._remove_one(key)

    def _look_again(self) -> None:
        for name in self._store.records.names(BODIES):
            if name not in self._known:
                self._known.add(name)
                with contextlib.suppress(FileNotFoundError):
                    self._late.update(sweeps.split(self._store.records.get(BODIES, name)))

    def _remove_one(self, key: bytes) -> Step:
        freed_bytes = 0
        with contextlib.suppress(FileNotFoundError):
            freed_bytes = self._store.blocks.space(key)
        self._store.blocks.remove(key)
        self._removed += 1
        return Step(blocks=1, freed_bytes=freed_bytes)


assert PARTITIONS == 256
