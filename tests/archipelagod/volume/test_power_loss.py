"""
Power cuts at any instant: what was flushed is there, what was not is old or new, nothing else; and
every change of a volume happened wholly or not at all.
"""

from __future__ import annotations

import random
import time
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store
from archipelagod.volume import reclaim
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.flushing import Commit
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume, read_map
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.slots import BODIES, body_name
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.volume import Volume
from tests.archipelagod.volume.unsafe_store import Machine, PowerCut, UnsafeStore, other_boot

SIZES = [2 * OBJECT_BYTES + 64, 3 * OBJECT_BYTES, OBJECT_BYTES + 8192, OBJECT_BYTES - 4096]
PLACES = [  # 32 bytes are written at each
    0,
    32,
    4096 - 16,
    8192,
    OBJECT_BYTES - 4096 - 64,
    OBJECT_BYTES - 16,
    OBJECT_BYTES + 64,
    OBJECT_BYTES + 8192 + 32,
    2 * OBJECT_BYTES,
    3 * OBJECT_BYTES - 32,
]
BYTES = 32
BOUNDS = [0, 32, 64, 8192, OBJECT_BYTES - 4096, OBJECT_BYTES + 64, 2 * OBJECT_BYTES]


class Guest:
    """
    What a volume may hold: at each place the value that is safe, or any written since.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.is_read_only = False
        self.possible: dict[int, list[bytes]] = {place: [bytes(BYTES)] for place in PLACES}
        self._over = dict.fromkeys(PLACES, 0)  # so many values are no longer possible

    @property
    def places(self) -> list[int]:
        """Those within it."""
        return [place for place in PLACES if place + BYTES <= self.size_bytes]

    @property
    def bounds(self) -> list[int]:
        """Where ranges may begin and end: within no place."""
        return [*(bound for bound in BOUNDS if bound < self.size_bytes), self.size_bytes]

    def writes(self, place: int, data: bytes) -> None:
        """A write begins."""
        self.possible[place].append(data)

    def flushed(self) -> None:
        """A flush was acknowledged: nothing was written meanwhile."""
        self.flushed_until(self.written())

    def written(self) -> dict[int, int]:
        """How many writes there were, for ``flushed_until``."""
        return {place: self._over[place] + len(found) for place, found in self.possible.items()}

    def flushed_until(self, written: dict[int, int]) -> None:
        """A flush that began then was acknowledged."""
        for place, count in written.items():
            older = max(0, count - self._over[place] - 1)
            self.possible[place] = self.possible[place][older:]
            self._over[place] += older

    def copy(self, size_bytes: int | None = None, *, is_read_only: bool = False) -> Guest:
        """Another volume of the same content."""
        made = Guest(self.size_bytes if size_bytes is None else size_bytes)
        made.is_read_only = is_read_only
        for place, found in self.possible.items():
            if place in self.places and place in made.places:
                made.possible[place] = list(found)
        return made


class Begun(NamedTuple):
    """
    A flush that goes on.
    """

    volume: Volume
    commit: Commit | None
    guest: Guest
    written: dict[int, int]  # when it began

    @property
    def number(self) -> int:
        """Of the flush; those that have ended already come first."""
        return -1 if self.commit is None else self.commit.number


class Session:
    """
    Does what is planned until the power is cut.  ``guests`` is what there is for sure; while a
    change is on its way, ``before`` and ``after`` are what there may be of it.
    """

    def __init__(self, machine: Machine, store: Store, guests: dict[str, Guest]) -> None:
        self.guests = guests
        self.before: dict[str, Guest | None] = {}
        self.after: dict[str, Guest | None] = {}
        self._machine = machine
        self._chance = machine.chance
        self._store = store
        self._sessions = Sessions(store)
        self._catalogue = Catalogue(store, self._sessions, time.time)
        self._open: dict[str, Volume] = {}
        self._begun: dict[str, list[Begun]] = {}
        self._serial = 100 * machine.lives

    def run(self, plan: list[str]) -> None:
        """Raises PowerCut at last."""
        for action in plan:
            getattr(self, action)()
        raise PowerCut

    def _change(self, **state: Guest | None) -> None:
        """What the change that is about to be made does."""
        self.after = state
        self.before = {name: self.guests.get(name) for name in state}
        for name in state:
            self.guests.pop(name, None)

    def _done(self) -> None:
        self.guests.update({name: found for name, found in self.after.items() if found})
        self.before, self.after = {}, {}

    def _fresh(self, letter: str) -> str:
        self._serial += 1
        return f"{letter}{self._serial}"

    def _some(self, *, is_read_only: bool) -> str | None:
        found = [name for name, each in self.guests.items() if each.is_read_only == is_read_only]
        return self._chance.choice(sorted(found)) if found else None

    def _opened(self) -> tuple[str, Volume, Guest]:
        name = self._some(is_read_only=False)
        assert name is not None
        if name not in self._open:
            volume = open_volume(self._store, name, self._sessions.fresh())
            volume.map.journal_limit = self._chance.choice([0, 1, 2, 100])  # when it is rewritten
            self._open[name] = volume
            # What other threads would do while this one waits for them.
            flushing = volume.map.flushing
            flushing.drain = lambda: self._finish_before(name)  # type: ignore[method-assign]
            flushing._wait_for_earlier = (  # type: ignore[method-assign]
                lambda number: self._finish_before(name, number)
            )
        return name, self._open[name], self.guests[name]

    def _close(self, name: str) -> None:
        if name in self._open:
            self._open.pop(name).close()
            self.guests[name].flushed()

    def write(self) -> None:
        """Some bytes."""
        _, volume, guest = self._opened()
        place = self._chance.choice(guest.places)
        self._serial += 1
        data = self._serial.to_bytes(2, "big") * 16
        guest.writes(place, data)
        volume.write(place, data)

    def zero(self) -> None:
        """A part of the volume, or all."""
        _, volume, guest = self._opened()
        is_hint = self._chance.random() < 0.3
        start, end = sorted(self._chance.sample(guest.bounds, 2))
        for place in guest.places:
            if start <= place < end:
                guest.writes(place, bytes(BYTES))
        volume.zero(start, end - start, is_hint=is_hint)
        for place in guest.places if is_hint else ():  # what it left as it was
            guest.writes(place, read(volume, place))

    def flush(self) -> None:
        """All that was written."""
        _, volume, guest = self._opened()
        volume.flush()
        guest.flushed()

    def begin(self) -> None:
        """A flush that goes on while others begin."""
        name, volume, guest = self._opened()
        written = guest.written()
        commit = volume.begin_flush()
        self._begun.setdefault(name, []).append(Begun(volume, commit, guest, written))

    def finish(self) -> None:
        """One of those that have begun."""
        self._finish_one(self._opened()[0])

    def _finish_one(self, name: str) -> None:
        begun = self._begun.get(name)
        if begun:
            self._end(begun.pop(self._chance.randrange(len(begun))))

    def _finish_before(self, name: str, number: int | None = None) -> None:
        """Flushes that began before that one, or all."""
        begun = self._begun.get(name, [])
        while begun and (number is None or begun[0].number < number):
            self._end(begun.pop(0))

    def _end(self, one: Begun) -> None:
        one.volume.finish_flush(one.commit)
        one.guest.flushed_until(one.written)

    def tidy(self) -> None:
        """What is done in the background."""
        self._opened()[1].tidy()

    def reopen(self) -> None:
        """Closes a volume."""
        self._close(self._opened()[0])

    def snapshot(self) -> None:
        """Of a volume that is open or not."""
        origin = self._some(is_read_only=False)
        assert origin is not None
        if self._chance.random() < 0.5:
            self._opened()
        name = self._fresh("s")
        guest = self.guests[origin]
        frozen = guest.copy(is_read_only=True)
        self._change(**{name: frozen})
        if origin in self._open:
            self._catalogue.freeze(self._open[origin], self._catalogue.new_map(name))
        else:
            self._catalogue.snapshot(origin, name)
        guest.flushed()
        frozen.flushed()
        self._done()

    def clone(self) -> None:
        """Of a snapshot, as large or larger."""
        origin = self._some(is_read_only=True)
        if origin is not None:
            name = self._fresh("c")
            guest = self.guests[origin]
            size = self._chance.choice([each for each in SIZES if each >= guest.size_bytes])
            self._change(**{name: guest.copy(size)})
            self._catalogue.clone(origin, name, size)
            self._done()

    def delete(self) -> None:
        """Anything but the last volume."""
        name = self._some(is_read_only=self._chance.random() < 0.5)
        if name is not None and len(self.guests) > 1 and name != "v0":
            self._close(name)
            self._change(**{name: None})
            self._catalogue.delete(name)
            self._done()
            self._catalogue.reclaim()

    def rename(self) -> None:
        """Any volume but the first."""
        name = self._some(is_read_only=self._chance.random() < 0.5)
        if name is not None and name != "v0":
            self._close(name)
            new_name = self._fresh("r")
            self._change(**{name: None, new_name: self.guests[name]})
            self._catalogue.rename(name, new_name)
            self._done()

    def resize(self) -> None:
        """Smaller or larger, open or not."""
        name, volume, guest = self._opened()
        size = self._chance.choice(SIZES)
        if self._chance.random() < 0.5:
            self._close(name)
        self._change(**{name: guest.copy(size)})
        if name in self._open:
            volume.resize(size)
        else:
            self._catalogue.resize(name, size)
        self._done()
        self.guests[name].flushed()

    def rollback(self) -> None:
        """To any snapshot: all are of one family."""
        name, origin = self._some(is_read_only=False), self._some(is_read_only=True)
        if name is not None and origin is not None:
            self._close(name)
            self._change(**{name: self.guests[origin].copy()})
            self._catalogue.rollback(name, origin)
            self._done()


ACTIONS = (
    ["write"] * 8
    + ["begin"] * 4
    + ["zero", "flush", "finish", "tidy"] * 3
    + ["reopen", "snapshot", "snapshot", "clone"]
)
ACTIONS += ["clone", "delete", "rename", "resize", "resize", "rollback"]
plans = st.lists(st.sampled_from(ACTIONS), min_size=5, max_size=30)
LONG = 1000
lives = st.tuples(plans, st.integers(0, 120), st.sampled_from([LONG, 0, 1, 2, 3, 5, 8, 13]))


class PowerLossTests(SynchronousTestCase):
    """Volumes on a machine that goes off."""

    @settings(max_examples=1000)
    @given(st.lists(lives, min_size=1, max_size=3), st.integers(0, 2**32))
    def test_flushed_is_there(self, plan: list[tuple[list[str], int, int]], seed: int) -> None:
        """
        Whenever the power fails, be it in a recovery, every volume reads as it may, and no object
        is left over.
        """
        machine = Machine(random.Random(seed), LONG)
        unsafe = UnsafeStore(machine)
        Catalogue(unsafe.store, Sessions(unsafe.store), time.time).create("v0", SIZES[0])
        guests = {"v0": Guest(SIZES[0])}
        for actions, lasts, recovery_lasts in plan:
            machine.lasts = lasts
            machine.lives += 1
            session = Session(machine, unsafe.store, guests)
            self.assertRaises(PowerCut, session.run, actions)
            unsafe.cut()
            machine.lasts = recovery_lasts
            try:
                recover(unsafe.store)
            except PowerCut:
                unsafe.cut()
            machine.lasts = LONG
            guests = self.check(unsafe.store, session)

    def check(self, store: Store, session: Session) -> dict[str, Guest]:
        """The store after the cut; what the volumes hold."""
        recover(store)
        sessions = Sessions(store)
        found = {name: seen(store, name, sessions) for name in store.records.names(MAPS)}
        choices = [{**session.guests, **state} for state in (session.before, session.after)]
        wrong = [differs(found, guests) for guests in choices]
        self.assertIn("", wrong, wrong)
        self.check_objects(store)
        return known(found, choices[wrong.index("")])

    def needs(self, store: Store, room: str) -> list[reclaim.Needs]:
        """What the maps in a room refer to."""
        names = store.records.names(room)
        return [reclaim.needs_of(store, read_map(store, room, name)) for name in names]

    def check_objects(self, store: Store) -> None:
        """Every object and body that is referred to is there, and no other."""
        live = self.needs(store, MAPS)
        buried = self.needs(store, reclaim.DELETED)
        for mine in buried:  # what only they referred to is gone
            self.assertTrue(any(mine.objects & each.objects for each in live), "keeps nothing")
        objects = set().union(*(each.objects for each in live))
        bodies = set().union(*(each.bodies for each in live))
        numbers = store.objects.sessions()
        there = {oid for number in numbers for oid in store.objects.of_session(number)}
        self.assertEqual(there, objects)
        self.assertEqual(set(store.records.names(BODIES)), {body_name(body) for body in bodies})
        self.assertEqual(store.records.names("journals"), [])


def recover(store: Store) -> None:
    """What a daemon does first."""
    other_boot(store)
    catalogue = Catalogue(store, Sessions(store), time.time)
    for name in catalogue.unsettled():
        catalogue.settle(name)
    catalogue.reclaim()


def read(volume: Volume, place: int) -> bytes:
    """What is at a place."""
    found = bytearray(BYTES)
    volume.read_into(place, memoryview(found))
    return bytes(found)


Seen = tuple[int, dict[int, bytes]]


def seen(store: Store, name: str, sessions: Sessions) -> Seen:
    """Size of a volume, and what is at each place."""
    volume = open_volume(store, name, sessions.fresh())
    held = {}
    for place in PLACES:
        if place + BYTES <= volume.size_bytes:
            held[place] = read(volume, place)
    size = volume.size_bytes
    volume.close()
    return size, held


def known(found: dict[str, Seen], guests: dict[str, Guest | None]) -> dict[str, Guest]:
    """Volumes of which is known what they hold."""
    result = {}
    for name, (size, held) in found.items():
        before = guests[name]
        assert before is not None
        result[name] = Guest(size)
        result[name].is_read_only = before.is_read_only
        result[name].possible.update({place: [data] for place, data in held.items()})
    return result


def differs(found: dict[str, Seen], guests: dict[str, Guest | None]) -> str:
    """What is not as it may be; "" if nothing."""
    wanted = {name: guest for name, guest in guests.items() if guest is not None}
    if set(found) != set(wanted):
        return f"there is {sorted(found)}, not {sorted(wanted)}"
    for name, guest in wanted.items():
        size, held = found[name]
        if size != guest.size_bytes:
            return f"{name}: {size} bytes, not {guest.size_bytes}"
        for place, data in held.items():
            possible = guest.possible[place]
            for half in (slice(0, 16), slice(16, 32)):  # a write across blocks is two
                if data[half] not in [each[half] for each in possible]:
                    return f"{name} at {place}: {data.hex()}, not one of {possible}"
    return ""
