"""
Links of letters, looked at before they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from synnefo_tx.http.call import Call
from synnefo_tx.people.api.context import People
from synnefo_tx.people.errors import LinkWorthless

LONGEST_LINK = 128
T = TypeVar("T")


async def looked(
    people: People, call: Call, unit: Callable[[Connection, str, int], T], link: str
) -> T:
    """
    What `unit` tells of the link; worthless ones are counted.  Raises LinkWorthless, AskedTooOften.
    """
    attempt = people.begin(call, f"link {link[:LONGEST_LINK]}")
    now = int(people.identity.clock())
    try:
        found = await people.identity.database.read(unit, link, now)
    except LinkWorthless:
        attempt.failed()
        raise
    except BaseException:
        attempt.dropped()
        raise
    attempt.dropped()
    return found
