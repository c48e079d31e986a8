"""
Checking all that is stored, while it is used.  Nothing is changed.

Maps, deleted and half-made ones too, then blocks, then journals, then what nothing refers to.  How
far it is, and what it found, is kept in the store now and then: a scrub that was interrupted goes
on there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import msgspec

from archipelagod.upkeep import orphans
from archipelagod.upkeep.findings import Finding, State
from archipelagod.upkeep.map_check import MapCheck
from archipelagod.volume import journal
from archipelagod.volume.census import DELETED, FREEZING, Restless, Step
from archipelagod.volume.map_format import DamagedMap
from archipelagod.volume.stored_map import MAPS
from archipelagod.wire.errors import BlockDamaged

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

ROOM, NAME = "upkeep", "scrub"
PAGE = 500
PARTS = 1000  # of each phase, for the progress
PHASES = (FREEZING, MAPS, DELETED, "blocks", "journals", "orphans")


def position(store: Store) -> State | None:
    """
    Where an interrupted scrub stands; None if there is none.  Raises OSError.
    """
    try:
        return msgspec.json.decode(store.records.get(ROOM, NAME), type=State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


class Scrub:
    """
    One scrub, from where the last one was interrupted.  ``state`` is what is known so far.

    wall_s: the store's clock.  keep_every: steps after which the position is kept.
    """

    def __init__(
        self, store: Store, wall_s: Callable[[], float], grace_s: float, keep_every: int = 5000
    ) -> None:
        self.state = position(store) or State(begun_at=wall_s())
        self._store = store
        self._before_s = wall_s() - grace_s
        self._keep_every = keep_every
        self._unkept = 0
        self._check = MapCheck(store)
        self._names_there = 1  # in the present room
        self._names_done = 0

    def steps(self) -> Generator[Step, None, State]:
        """
        All that is left to do.  Raises OSError.
        """
        works: dict[str, Callable[[], Iterator[Step]]] = {
            "blocks": self._blocks,
            "journals": self._journals,
            "orphans": self._orphans,
        }
        while self.state.phase < len(PHASES):
            phase = PHASES[self.state.phase]
            work = works.get(phase)
            for step in self._maps(phase) if work is None else work():
                self.state.read_bytes += step.read_bytes
                yield step
            self.state.phase += 1
            self._keep("")
        self._store.records.remove(ROOM, NAME)
        return self.state

    def progress(self) -> tuple[int, int]:
        """
        How far it is: about (done, total) parts.
        """
        part = 0.0
        if self.state.phase < len(PHASES):
            if PHASES[self.state.phase] == "blocks":
                part = int(self.state.after[:4] or "0", 16) / 0x10000
            else:
                part = min(self._names_done / self._names_there, 1.0)
        return int((self.state.phase + part) * PARTS), len(PHASES) * PARTS

    def _keep(self, after: str, is_due: bool = True) -> None:
        """
        Everything up to ``after`` is done.
        """
        self.state.after = after
        self._unkept += 1
        if is_due or self._unkept >= self._keep_every:
            self._unkept = 0
            self._store.records.put(ROOM, NAME, msgspec.json.encode(self.state))

    def _names(self, room: str) -> Iterator[str]:
        self._names_there = len(self._store.records.names(room, self.state.after)) or 1
        self._names_done = 0
        while page := self._store.records.names(room, self.state.after, PAGE):
            for name in page:
                yield name
                self._names_done += 1
                self._keep(name, is_due=False)

    def _maps(self, room: str) -> Iterator[Step]:
        for name in self._names(room):
            for finding in (yield from self._check.check(room, name)):
                self.state.add(finding)
            self.state.maps += 1

    def _blocks(self) -> Iterator[Step]:
        while page := self._store.blocks.keys(bytes.fromhex(self.state.after), PAGE):
            for key in page:
                yield self._block(key)
                self._keep(key.hex(), is_due=False)

    def _block(self, key: bytes) -> Step:
        self.state.blocks += 1
        try:
            return Step(read_bytes=max(len(self._store.blocks.get(key)), 1))
        except FileNotFoundError:
            return Step()  # removed since
        except BlockDamaged as error:
            self.state.add(Finding("damaged_block", key.hex(), str(error)))
            return Step()

    def _journals(self) -> Iterator[Step]:
        for name in self._names(journal.ROOM):
            self.state.journals += 1
            with contextlib.suppress(FileNotFoundError):
                start = self._store.records.get(journal.ROOM, name, journal.RECORD_BYTES)
                if journal.replay(start, 0) is None:
                    self.state.add(Finding("damaged_journal", name))
            yield Step(read_bytes=journal.RECORD_BYTES)

    def _orphans(self) -> Iterator[Step]:
        try:
            found = yield from self._twice()
        except (Restless, DamagedMap):
            return  # the map is among the findings
        for kind, names in (
            ("orphaned_object", [f"{oid:016x}" for oid in sorted(found.objects)]),
            ("orphaned_body", sorted(found.bodies)),
            ("orphaned_journal", sorted(found.journals)),
        ):
            for name in names:
                self.state.add(Finding(kind, name))

    def _twice(self) -> Generator[Step, None, orphans.Orphans]:
        first = yield from orphans.finding(self._store, self._before_s)
        if not first:
            return first
        return first.both((yield from orphans.finding(self._store, self._before_s)))
