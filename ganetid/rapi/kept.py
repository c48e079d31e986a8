"""
Objects as JSON, encoded once and kept until they change.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

COMMA = b","


class Kept:
    """
    The encoded form of objects, by name.

    An entry is good as long as all that it was made from is the same: configuration objects are
    never changed but replaced, so it is enough to compare identities.  (Words among the sources
    have to be constants of the program, then equal ones are the same.)
    """

    def __init__(self) -> None:
        self._entries: dict[str, tuple[tuple[Any, ...], bytes]] = {}

    def encoded(self, name: str, sources: tuple[Any, ...], make: Callable[[], Any]) -> bytes:
        """The object's JSON.  sources: what it is made from.  make: its value."""
        entry = self._entries.get(name)
        if entry is not None and _same(entry[0], sources):
            return entry[1]
        body = msgspec.json.encode(make())
        self._entries[name] = (sources, body)
        return body

    def forget_others(self, names: Iterable[str]) -> None:
        """Drop objects of other names, when there are many of them."""
        known = set(names)
        if len(self._entries) > 2 * len(known) + 100:
            self._entries = {name: entry for name, entry in self._entries.items() if name in known}


def joined(bodies: Iterable[bytes]) -> bytes:
    """A JSON list of objects that are encoded already."""
    return b"[" + COMMA.join(bodies) + b"]"


def _same(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    return len(old) == len(new) and all(map(operator.is_, old, new))
