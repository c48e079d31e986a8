"""
What a node tells its master without being asked: which guests run, which ended, its resources.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ganetid.hypervisor.interface import Ended
from ganetid.node.facts import NodeFacts
from ganetid.node.interface import Abilities
from ganetid.node.machine import Node

TICK_S = 1.0
FACTS_EVERY = 10  # ticks
MOST_CHANGES = 1000
MOST_ENDS = 1000


@frozen
class Running:
    """
    A change of the set of guests that run: from version `since` to `version`.

    since None: `came` is the whole set.
    """

    version: int
    since: int | None
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()


@frozen
class Bulletin:
    """
    A piece of news.  incarnation: of the daemon that tells it; versions are within one.

    ends: with their numbers, ascending.
    progress: how far the making of an instance is; told once, to those who listen then.
    """

    incarnation: str
    running: Running | None = None
    ends: tuple[tuple[int, Ended], ...] = ()
    facts: NodeFacts | None = None
    abilities: Abilities | None = None
    progress: dict[str, Any] | None = None


def after(known: frozenset[str], at: int | None, change: Running) -> frozenset[str] | None:
    """The set after a change, known as of version `at`; None: the whole set has to be asked for."""
    if change.since is None:
        return frozenset(change.came)
    if change.since != at:
        return None
    return (known - set(change.went)) | set(change.came)


@frozen
class _Step:
    version: int
    came: frozenset[str]
    went: frozenset[str]


class Newsroom:
    """
    The node's news, for any number of listeners.

    Listeners get encoded Bulletins, the first one with everything.
    """

    _log = Logger()

    def __init__(self, reactor: Any, node: Node) -> None:
        self._reactor = reactor
        self._node = node
        self.incarnation = uuid.uuid4().hex
        self._running: frozenset[str] = frozenset()
        self._version = 0
        self._steps: deque[_Step] = deque(maxlen=MOST_CHANGES)
        self._ends: deque[tuple[int, Ended]] = deque(maxlen=MOST_ENDS)
        self._end = 0
        self._facts: NodeFacts | None = None
        self._listeners: set[Callable[[bytes], None]] = set()
        self._ticks = 0
        self._loop = LoopingCall(self._tick)
        self._loop.clock = reactor

    def start(self) -> None:
        """Begin to look."""
        self._node.watch(self._ended)
        if self._node.systems is not None:
            self._node.systems.watch(self._progressed)
        self._loop.start(TICK_S)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    async def listen(self, listener: Callable[[bytes], None], ends_after: int) -> None:
        """Tell `listener` everything, then all news.  ends_after: the last end it has heard of."""
        if self._facts is None:
            self._facts = await self._node.facts()
        self.look()
        ends = tuple(each for each in self._ends if each[0] > ends_after)
        whole = Running(self._version, None, tuple(sorted(self._running)))
        listener(
            self._encoded(
                running=whole, ends=ends, facts=self._facts, abilities=self._node.abilities
            )
        )
        self._listeners.add(listener)

    def forget(self, listener: Callable[[bytes], None]) -> None:
        """It hears no more."""
        self._listeners.discard(listener)

    def look(self) -> None:
        """Notice whether other guests run now, and tell."""
        now = self._node.running
        if now == self._running:
            return
        before, self._running = self._running, now
        step = _Step(self._version + 1, now - before, before - now)
        self._steps.append(step)
        self._version = step.version
        came, went = tuple(sorted(step.came)), tuple(sorted(step.went))
        self._tell(running=Running(step.version, step.version - 1, came, went))

    def changes_since(self, version: int) -> Running | None:
        """What changed after `version` of this incarnation; None when nothing did."""
        self.look()
        if version == self._version:
            return None
        steps = [step for step in self._steps if step.version > version]
        if not steps or steps[0].version != version + 1:
            return Running(self._version, None, tuple(sorted(self._running)))
        touched = {name for step in steps for name in step.came | step.went}
        came = tuple(sorted(touched & self._running))
        return Running(self._version, version, came, tuple(sorted(touched - self._running)))

    def _ended(self, end: Ended) -> None:
        self._end += 1
        self._ends.append((self._end, end))
        self.look()
        self._tell(ends=((self._end, end),))

    def _progressed(self, body: Mapping[str, Any]) -> None:
        self._tell(progress=dict(body))

    def _tick(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._look_about())

    async def _look_about(self) -> None:
        self.look()
        self._ticks += 1
        if self._ticks % FACTS_EVERY == 0 and self._listeners:
            try:
                self._facts = await self._node.facts()
            except OSError as error:
                self._log.warn("the node's resources can't be read: {error}", error=error)
            self._tell(facts=self._facts)
        else:
            self._tell()

    def _tell(self, **parts: Any) -> None:
        if self._listeners:
            line = self._encoded(**parts)
            for listener in list(self._listeners):
                listener(line)

    def _encoded(self, **parts: Any) -> bytes:
        return msgspec.json.encode(Bulletin(self.incarnation, **parts)) + b"\n"


@frozen
class Heard:
    """What a listener knows of a node: values after each Bulletin."""

    incarnation: str = ""
    version: int | None = None
    running: frozenset[str] = field(factory=frozenset)
    facts: NodeFacts | None = None
    abilities: Abilities | None = None
    last_end: int = 0

    def told(self, bulletin: Bulletin) -> tuple[Heard, tuple[Ended, ...]]:
        """(what is known then, ends that are news)."""
        heard = self
        if bulletin.incarnation != self.incarnation:
            heard = Heard(bulletin.incarnation, abilities=self.abilities, facts=self.facts)
        if bulletin.running is not None:
            heard = heard.changed(bulletin.running)
        new = [(number, end) for number, end in bulletin.ends if number > heard.last_end]
        heard = evolve(
            heard,
            facts=bulletin.facts or heard.facts,
            abilities=bulletin.abilities or heard.abilities,
            last_end=new[-1][0] if new else heard.last_end,
        )
        return heard, tuple(end for _, end in new)

    def changed(self, change: Running) -> Heard:
        """After a change of the set; one that is older, or that does not fit, changes nothing."""
        if self.version is not None and change.version <= self.version:
            return self
        running = after(self.running, self.version, change)
        if running is None:
            return self
        return evolve(self, running=running, version=change.version)
