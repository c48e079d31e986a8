"""
The watcher: guests that should run are started again, dead nodes are fenced and emptied.

As Ganeti's: at most 5 tries, which count no more once the guest was seen running, or after 8 hours.
It does nothing while a file in the state directory says until when it pauses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ADMIN_UP
from ganetid.node.programs import ProgramFailed, run
from ganetid.node.registry import Nodes
from ganetid.node.remote import RemoteNode

MAX_TRIES = 5  # Ganeti's MAXTRIES
FORGET_AFTER_S = 8 * 3600.0  # Ganeti's RETRY_EXPIRATION
PAUSE_FILE = "watcher.pause"
FENCED_WITHIN_S = 60.0


@frozen
class Sight:
    """An instance that should run, as it is now.  is_busy: a job works on it or waits to."""

    name: str
    is_running: bool
    node_answers: bool
    is_busy: bool = False


@frozen
class Tries:
    """How often an instance was started; last: when, in seconds since the epoch."""

    count: int = 0
    last: float = 0.0


def planned(
    sights: tuple[Sight, ...], tries: Mapping[str, Tries], now: float
) -> tuple[tuple[str, ...], dict[str, Tries]]:
    """(names of instances to start, tries after that)."""
    chosen: list[str] = []
    after: dict[str, Tries] = {}
    for sight in sights:
        known = tries.get(sight.name, Tries())
        if now - known.last > FORGET_AFTER_S:
            known = Tries()
        if sight.is_running:
            continue
        if sight.node_answers and not sight.is_busy and known.count < MAX_TRIES:
            chosen.append(sight.name)
            known = evolve(known, count=known.count + 1, last=now)
        after[sight.name] = known
    return tuple(chosen), after


@define(eq=False)
class Watcher:
    """
    Looks at everything now and then; `look` is one turn.

    submit: makes a job of one opcode.  busy: names of instances that jobs work on.
    state: the state directory.  fence_program: see GanetiSettings.
    """

    reactor: Any
    cluster: Configuration
    nodes: Nodes
    submit: Callable[[str, Mapping[str, Any]], Awaitable[int]]
    busy: Callable[[], frozenset[str]]
    state: Path
    fence_program: str | None = None
    fence_after_s: float = 30.0
    _tries: dict[str, Tries] = field(factory=dict)
    _fenced: set[str] = field(factory=set)
    _log = Logger()

    async def look(self) -> None:
        """One turn."""
        if await deferToThread(is_paused, self.state, self.reactor.seconds()):
            return
        chosen, self._tries = planned(self._sights(), self._tries, self.reactor.seconds())
        for name in chosen:
            self._log.warn(
                "instance {name} should run: starting it, try {count} of {most}",
                name=name,
                count=self._tries[name].count,
                most=MAX_TRIES,
            )
            await self.submit("OP_INSTANCE_STARTUP", {"instance_name": name})
        if self.fence_program is not None:
            for node in self._dead():
                await self._fence(node.name, self.fence_program)

    def _sights(self) -> tuple[Sight, ...]:
        busy = self.busy()
        return tuple(
            Sight(
                name,
                self.nodes.seems_running(instance),
                self.nodes.is_up(instance.primary_node),
                name in busy,
            )
            for name, instance in self.cluster.instances.items()
            if instance.admin_state == ADMIN_UP
        )

    def _dead(self) -> list[RemoteNode]:
        """Nodes that are away for too long, and were not fenced for that already."""
        now = self.reactor.seconds()
        remote = [node for node in self.nodes if isinstance(node, RemoteNode)]
        self._fenced -= {node.name for node in remote if node.is_reachable}
        return [
            node
            for node in remote
            if not node.is_reachable
            and node.name not in self._fenced
            and now - node.unreachable_since > self.fence_after_s
        ]

    async def _fence(self, node: str, program: str) -> None:
        """Only what is dead for certain is marked offline: its guests are started elsewhere."""
        try:
            await run(self.reactor, [program, node], timeout_s=FENCED_WITHIN_S)
        except ProgramFailed as error:
            self._log.error("node {node} is away and could not be fenced: {error}",
                            node=node, error=error)  # fmt: skip
            return
        self._fenced.add(node)
        self._log.critical("node {node} was away and is fenced", node=node)
        given = {"node_name": node, "offline": True, "auto_promote": True, "force": True}
        first = await self.submit("OP_NODE_SET_PARAMS", given)
        evacuation = {
            "node_name": node,
            "mode": "primary-only",
            "ignore_soft_errors": True,
            "depends": [[first, ["success"]]],
        }
        await self.submit("OP_NODE_EVACUATE", evacuation)


def is_paused(state: Path, now: float) -> bool:
    """Whether the watcher is to do nothing now.  Blocks."""
    with contextlib.suppress(OSError, ValueError):
        return now < float((state / PAUSE_FILE).read_text("ascii"))
    return False


def pause(state: Path, until: float | None) -> None:
    """Pause until then, seconds since the epoch; None: go on.  Blocks."""
    path = state / PAUSE_FILE
    if until is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(f"{until}\n", "ascii")
