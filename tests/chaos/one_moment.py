"""
Whether a snapshot holds what its origin held at one moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.chaos.blocks import Moment
from tests.chaos.model import Disk
from tests.chaos.stamps import ZEROS, Vector, told

MOST_TOLD = 6  # blocks, and moments of each

Span = tuple[float, float]  # seconds of the monotonic clock


class Case(NamedTuple):
    """
    A block of a snapshot: what it holds, and what it may have held when.
    """

    index: int
    held: Vector
    moments: list[Moment]

    def spans(self) -> list[Span]:
        """
        When it held that, as far as one can tell.
        """
        return _merged([each for each in self.moments if self.held in each.vectors])


def no_moment(disk: Disk, cases: list[Case]) -> str:
    """
    What is wrong, unless at some instant all blocks held what the snapshot holds.
    """
    most, best_s = _best_instant(cases)
    if most >= len(cases):
        return ""
    others = [case for case in cases if not any(a <= best_s <= b for a, b in case.spans())]
    there_s, at_s = disk.there_s - disk.asked_s, best_s - disk.asked_s
    lines = [f"{disk.name}: no single moment explains the snapshot, there after {there_s:.6f} s:"]
    lines.append(f"{most} of {len(cases)} blocks are as at {at_s:.6f} s, these are not:")
    lines += [_told(case, disk.asked_s) for case in others[:MOST_TOLD]]
    return "\n".join(lines)


def _best_instant(cases: list[Case]) -> tuple[int, float]:
    """
    How many blocks were at one instant what they are in the snapshot, at most; and when.
    """
    edges: list[tuple[float, int]] = []
    for case in cases:
        for start_s, end_s in case.spans():
            edges += [(start_s, -1), (end_s, 1)]
    depth = 0
    best = (0, 0.0)
    for at_s, step in sorted(edges):  # starts come before ends of the same instant
        depth -= step
        best = max(best, (depth, at_s), key=lambda found: found[0])
    return best


def half_done(cases: list[Case]) -> list[int]:
    """
    Requests of which a snapshot has some blocks and lacks others.
    """
    there: set[int] = set()
    missing: set[int] = set()
    for _, held, moments in cases:
        matching = [number for number, each in enumerate(moments) if held in each.vectors]
        there.update(each.request for each in moments[: matching[0] + 1])
        missing.update(each.request for each in moments[matching[-1] + 1 :])
    return sorted(there & missing - {0})


def _told(case: Case, asked_s: float) -> str:
    held = ", ".join(told(value) for value in case.held)
    lines = [f"  block {case.index} holds {held}; it may have held"]
    moments = case.moments[-MOST_TOLD:]
    lines += ["    " + " ".join(_told_moment(each, case.held, asked_s)) for each in moments]
    return "\n".join(lines)


def _told_moment(moment: Moment, held: Vector, asked_s: float) -> Iterator[str]:
    op = moment.op
    yield f"from {moment.earliest_s - asked_s:.6f} to {moment.latest_s - asked_s:.6f} s"
    yield " or ".join(
        ", ".join(told(value) for value in dict.fromkeys(vector))
        for vector in list(moment.vectors)[:3]
    )
    if op is not None:
        yield f"by {op.kind}, mask {op.mask:02x}, request {op.request},"
        yield f"sent {op.sent_s - asked_s:.6f}, answered {op.acked_s - asked_s:.6f}"
    yield "(that)" if held in moment.vectors else "(not that)"


def cases(disk: Disk, found: dict[int, Vector], *, may_be_torn: bool) -> Iterator[Case]:
    """
    Blocks of a snapshot of which it is known what they held when: no request failed, nor was torn
    by a death.
    """
    for index, moments in disk.frozen.items():
        is_torn = may_be_torn and any(each.is_open for each in moments)
        if not is_torn and not disk.blocks[index].has_failed:
            yield Case(index, found.get(index, ZEROS), moments)


def _merged(moments: list[Moment]) -> list[Span]:
    spans: list[Span] = []
    for each in sorted(moments, key=lambda one: one.earliest_s):
        if spans and each.earliest_s <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], each.latest_s))
        else:
            spans.append((each.earliest_s, each.latest_s))
    return spans
