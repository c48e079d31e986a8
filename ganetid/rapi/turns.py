"""
Long work on the reactor, cut so that others get their turn.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from twisted.internet import reactor
from twisted.internet.task import deferLater

T = TypeVar("T")
AT_ONCE = 500


async def in_turns(items: Sequence[T], at_once: int = AT_ONCE) -> AsyncIterator[Sequence[T]]:
    """Parts of the sequence, one after the other; in between the reactor does what is due."""
    for start in range(0, len(items), at_once):
        if start:
            await deferLater(reactor, 0)
        yield items[start : start + at_once]
