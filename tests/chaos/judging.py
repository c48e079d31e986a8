"""
Whether all volumes are as they may be, given changes of which nobody knows whether they happened.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.chaos.model import Disk
from tests.chaos.stamps import Vector
from tests.chaos.verdicts import Loss, complaints
from tests.chaos.world import State

Seen = dict[str, tuple[int, dict[int, Vector]]]  # by name: size, and blocks that are not zeros


class Verdict(NamedTuple):
    """
    happened: None when neither all of the change is there nor nothing of it; why: then.
    """

    happened: bool | None
    why: str


def wrong(name: str, disk: Disk | None, seen: Seen, loss: Loss = Loss.NOTHING) -> list[str]:
    """
    What is wrong with what goes by that name, which ``disk`` should be.
    """
    if name not in seen:
        return [f"{name} is gone"] if disk is not None else []
    if disk is None:
        return [f"{name} is there"]
    size, found = seen[name]
    if size != disk.size_bytes:
        return [f"{name}: {size} bytes, not {disk.size_bytes}"]
    return complaints(disk, found, loss)


def judged(
    kind: str, before: State, after: State, seen: Seen, loss: Loss = Loss.NOTHING
) -> Verdict:
    """
    Either all of a change happened or nothing of it.
    """
    told = []
    for happened, state in ((True, after), (False, before)):
        found = [text for name, disk in state.items() for text in wrong(name, disk, seen, loss)]
        if not found:
            return Verdict(happened, "")
        told.append((happened, found[:4]))
    return Verdict(None, f"{kind} of {list(after)} is half done: {told}")
