"""
Moves that would make a cluster more even: a plan, nothing is done.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ganetid.placement.allocator import Load, Room, pressure, why_not

MOST_MOVES = 20
GAIN = 1e-4  # of the cluster's score, less is not worth a migration


@frozen
class Step:
    """An instance that should go from one node to another."""

    instance: str
    source: str
    target: str


def score(rooms: Sequence[Room]) -> float:
    """How uneven a cluster is: the mean of the nodes' pressures, which grow with the square."""
    taking = [pressure(room) for room in rooms if room.takes or room.carries]
    return sum(taking) / len(taking) if taking else 0.0


def balanced(rooms: Sequence[Room], most: int = MOST_MOVES) -> tuple[tuple[Step, ...], float]:
    """
    (moves in the order in which they can be made, the score after them).

    Each move is the best for an instance of the most loaded node of its group.
    """
    steps: list[Step] = []
    left = {room.name: room for room in rooms}
    while len(steps) < most:
        step = _best_step(list(left.values()))
        if step is None:
            break
        load = next(each for each in left[step.source].carries if each.name == step.instance)
        left[step.source] = left[step.source].without(load.name)
        left[step.target] = left[step.target].having(load)
        steps.append(step)
    return tuple(steps), score(list(left.values()))


def _best_step(rooms: list[Room]) -> Step | None:
    best: tuple[float, Step] | None = None
    for group in sorted({room.group for room in rooms}):
        peers = sorted((room for room in rooms if room.group == group), key=pressure)
        if len(peers) < 2:
            continue
        source = peers[-1]
        for load in source.movable:
            for target in peers[:-1]:
                gain = _gain(source, target, load)
                if gain > GAIN and (best is None or gain > best[0]):
                    best = (gain, Step(load.name, source.name, target.name))
    return None if best is None else best[1]


def _gain(source: Room, target: Room, load: Load) -> float:
    """By how much the two nodes' pressure falls; nothing when the target can't take it."""
    if why_not(target, load) is not None:
        return 0.0
    before = pressure(source) + pressure(target)
    return before - pressure(source.without(load.name)) - pressure(target.having(load))
