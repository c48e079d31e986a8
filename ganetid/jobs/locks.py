"""
Who holds a lock and who waits for it.

A shared lock keeps out exclusive ones only.  Nobody overtakes: a job that waits for a lock holds
its place against jobs after it that want the same.  No call costs more for there being many
waiting; jobs are told apart by numbers, and their order of precedence is (priority, number).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from heapq import heappop, heappush

from attrs import define, field, frozen

Thing = tuple[str, str]
Key = tuple[int, int]


@frozen
class Lock:
    """A claim on one thing: kind instance, network, node or cluster, and its name."""

    kind: str
    name: str
    shared: bool = False

    @property
    def thing(self) -> Thing:
        """What it is a claim on."""
        return (self.kind, self.name)


@frozen
class LockState:
    """A lock for those who look: its thing, "shared" or "exclusive" or None, and the jobs."""

    thing: Thing
    mode: str | None
    owners: tuple[int, ...]
    pending: tuple[tuple[str, int], ...]


@define
class _Line:
    """Those at one thing.  waiting: all who wait; exclusive, parked: some of them; in order."""

    owner: int | None = None
    sharers: set[int] = field(factory=set)
    waiting: list[Key] = field(factory=list)
    exclusive: list[Key] = field(factory=list)
    parked: list[Key] = field(factory=list)

    def admits(self, key: Key, shared: bool) -> bool:
        if self.owner is not None:
            return False
        if shared:
            return not self.exclusive or key < self.exclusive[0]
        return not self.sharers and self.waiting[0] == key

    def line_up(self, key: Key, shared: bool) -> None:
        insort(self.waiting, key)
        if not shared:
            insort(self.exclusive, key)

    def step_out(self, key: Key, shared: bool) -> None:
        _remove(self.waiting, key)
        if not shared:
            _remove(self.exclusive, key)

    def woken(self) -> list[Key]:
        """Those parked who may go on now; they are parked no longer."""
        if self.owner is not None or not self.parked:
            return []
        count = len(self.parked)
        if self.exclusive:
            first = self.exclusive[0]
            count = bisect_left(self.parked, first)
            if self.parked[count : count + 1] == [first] and self.admits(first, shared=False):
                count += 1
        free, self.parked = self.parked[:count], self.parked[count:]
        return free

    @property
    def is_idle(self) -> bool:
        return self.owner is None and not self.sharers and not self.waiting


@define
class _Claim:
    """What a job wants or holds: things, and whether it would share them."""

    key: Key
    things: dict[Thing, bool]
    parked_at: Thing | None = None


class LockTable:
    """All locks."""

    def __init__(self) -> None:
        self._lines: dict[Thing, _Line] = {}
        self._waiting: dict[int, _Claim] = {}
        self._held: dict[int, _Claim] = {}
        self._ready: list[Key] = []
        self._parked_lately: list[int] = []

    def enter(self, number: int, priority: int, locks: Iterable[Lock]) -> None:
        """A job lines up for all its locks."""
        claim = _Claim((priority, number), _things(locks))
        self._waiting[number] = claim
        for thing, shared in claim.things.items():
            self._lines.setdefault(thing, _Line()).line_up(claim.key, shared)
        heappush(self._ready, claim.key)

    def hold(self, number: int, locks: Iterable[Lock]) -> None:
        """A job has these locks from before, whoever waits."""
        claim = self._held[number] = _Claim((0, number), _things(locks))
        for thing, shared in claim.things.items():
            line = self._lines.setdefault(thing, _Line())
            if shared:
                line.sharers.add(number)
            else:
                line.owner = number

    def first(self) -> Key | None:
        """(priority, number) of the first job that may have its locks; None: nobody may."""
        while self._ready:
            key = self._ready[0]
            claim = self._waiting.get(key[1])
            if claim is not None and claim.key == key and claim.parked_at is None:
                hindrance = self._hindrance(claim)
                if hindrance is None:
                    return key
                claim.parked_at = hindrance
                insort(self._lines[hindrance].parked, key)
                self._parked_lately.append(key[1])
            heappop(self._ready)
        return None

    def take(self, number: int) -> None:
        """The job named by `first` gets its locks."""
        claim = self._held[number] = self._waiting.pop(number)
        for thing, shared in claim.things.items():
            line = self._lines[thing]
            line.step_out(claim.key, shared)
            if shared:
                line.sharers.add(number)
            else:
                line.owner = number

    def leave(self, number: int) -> None:
        """The job waits or holds no longer.  Harmless for one that is not here."""
        claim = self._held.pop(number, None)
        if claim is not None:
            for thing in claim.things:
                line = self._lines[thing]
                line.sharers.discard(number)
                if line.owner == number:
                    line.owner = None
                self._wake(thing)
            return
        claim = self._waiting.pop(number, None)
        if claim is None:
            return
        if claim.parked_at is not None:
            _remove(self._lines[claim.parked_at].parked, claim.key)
        for thing, shared in claim.things.items():
            self._lines[thing].step_out(claim.key, shared)
            self._wake(thing)

    def is_waiting(self, number: int) -> bool:
        """Whether the job waits here."""
        return number in self._waiting

    def newly_parked(self) -> list[int]:
        """Those of whom it was found since the last call that they have to wait for a lock."""
        parked, self._parked_lately = self._parked_lately, []
        return [number for number in parked if number in self._waiting]

    def states(self) -> list[LockState]:
        """All locks that somebody holds or waits for, by thing."""
        return [self._state(thing, self._lines[thing]) for thing in sorted(self._lines)]

    def _state(self, thing: Thing, line: _Line) -> LockState:
        owners = sorted(line.sharers) if line.owner is None else [line.owner]
        mode = None if not owners else "exclusive" if line.owner is not None else "shared"
        modes = self._modes(thing, line.waiting)
        return LockState(thing, mode, tuple(owners), tuple(modes))

    def _modes(self, thing: Thing, waiting: Iterable[Key]) -> Iterable[tuple[str, int]]:
        for _, number in waiting:
            shared = self._waiting[number].things[thing]
            yield ("shared" if shared else "exclusive"), number

    def _hindrance(self, claim: _Claim) -> Thing | None:
        for thing, shared in claim.things.items():
            if not self._lines[thing].admits(claim.key, shared):
                return thing
        return None

    def _wake(self, thing: Thing) -> None:
        line = self._lines[thing]
        for key in line.woken():
            self._waiting[key[1]].parked_at = None
            heappush(self._ready, key)
        if line.is_idle:
            del self._lines[thing]


def _things(locks: Iterable[Lock]) -> dict[Thing, bool]:
    """Each thing once; whoever wants it alone and shared wants it alone."""
    things: dict[Thing, bool] = {}
    for lock in locks:
        things[lock.thing] = things.get(lock.thing, True) and lock.shared
    return things


def _remove(keys: list[Key], key: Key) -> None:
    index = bisect_left(keys, key)
    if keys[index : index + 1] == [key]:
        del keys[index]
