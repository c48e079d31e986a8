"""
What kinds of tasks there are: each family of them has a file in effect/ends with its `KINDS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from synnefo_tx.effect.ends import disks, nics, server_life, things
from synnefo_tx.effect.tasks import Kind

FAMILIES: tuple[Mapping[str, Kind], ...] = (
    server_life.KINDS,  # one line a family
    disks.KINDS,
    nics.KINDS,
    things.KINDS,
)


def merged(families: Iterable[Mapping[str, Kind]]) -> dict[str, Kind]:
    """
    The kinds of all families.  Raises ValueError for a kind that two of them have.
    """
    kinds: dict[str, Kind] = {}
    for family in families:
        twice = kinds.keys() & family.keys()
        if twice:
            raise ValueError(f"kinds of task that are there twice: {sorted(twice)}")
        kinds |= family
    return kinds


KINDS = merged(FAMILIES)
