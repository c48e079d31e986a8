"""
How far somebody has read the feed: the id of a server-sent event.
"""

from __future__ import annotations

import re

from attrs import frozen

from synnefo_tx.errors import BadRequest

_TEXT = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,12})", re.ASCII)
LAST = 10**17  # no serial is as large


@frozen(order=True)
class Place:
    """
    Right behind the event that the transaction `tx` wrote as `serial`.  at_s: when that was
    (seconds since the epoch), which tells whether what came next may have been forgotten.
    """

    tx: int
    serial: int
    at_s: int = 0

    def __str__(self) -> str:
        return f"{self.tx}.{self.serial}.{self.at_s}"


def place_of(text: str) -> Place:
    """
    Raises BadRequest for what is no event's id.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise BadRequest("Last-Event-ID is not the id of an event.")
    return Place(*map(int, found.groups()))
