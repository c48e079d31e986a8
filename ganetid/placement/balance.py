"""
Which moves make the nodes' loads more equal, in the spirit of Ganeti's hbal: a pure decision.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import frozen

from ganetid.placement.allocator import Load, Room, pressure, survives, why_not

LEAST_GAIN = 1e-4  # of the score: smaller moves are not worth a migration


@frozen
class Step:
    """Move an instance.  score: of the cluster after that; smaller is better."""

    instance: str
    source: str
    target: str
    score: float


def score(rooms: Collection[Room]) -> float:
    """How unequal: the sum of the nodes' pressures, each of which grows with the square of load."""
    return sum(pressure(room) for room in rooms)


def balanced(rooms: Sequence[Room], most: int = 50) -> list[Step]:
    """
    The best moves, one after the other, while one gains anything; each keeps every bound.

    Instances stay in their group.  A cluster that can survive the failure of a node still can.
    """
    now = list(rooms)
    steps: list[Step] = []
    while len(steps) < most:
        step = _best(now)
        if step is None:
            break
        steps.append(step)
        now = _after(now, step)
    return steps


def _best(rooms: Sequence[Room]) -> Step | None:
    before = score(rooms)
    best: Step | None = None
    for source in rooms:
        for load in source.movable:
            for target in rooms:
                gained = _gain(source, target, load)
                if gained < LEAST_GAIN or (best is not None and before - gained >= best.score):
                    continue
                step = Step(load.name, source.name, target.name, before - gained)
                group = [room for room in rooms if room.group == source.group]
                if survives(_after(group, step)) or not survives(group):
                    best = step
    return best


def _gain(source: Room, target: Room, load: Load) -> float:
    """How much better the score is after a move; 0 for one that must not be."""
    if target.name == source.name or target.group != source.group:
        return 0.0
    if why_not(target, load) is not None:
        return 0.0
    before = pressure(source) + pressure(target)
    return before - pressure(source.without(load.name)) - pressure(target.having(load))


def _after(rooms: Sequence[Room], step: Step) -> list[Room]:
    (load,) = (
        each for room in rooms for each in room.carries
        if room.name == step.source and each.name == step.instance
    )  # fmt: skip
    return [
        room.without(load.name)
        if room.name == step.source
        else room.having(load)
        if room.name == step.target
        else room
        for room in rooms
    ]
