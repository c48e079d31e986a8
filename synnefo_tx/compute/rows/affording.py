"""
How many servers of one request a project can afford.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.compute.errors import TooMany
from synnefo_tx.compute.rules import quotas
from synnefo_tx.compute.rules.create_request import ServerRequest
from synnefo_tx.errors import BadRequest
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.rows import holdings

MAX_AT_ONCE = 100  # servers made by one request, whatever the quota


def how_many(
    connection: Connection, payer: Payer, charges: dict[str, int], request: ServerRequest
) -> int:
    """
    How many servers the quota allows, from min_count to max_count.  Raises TooMany.
    """
    if request.min_count > MAX_AT_ONCE:
        raise BadRequest(f"min_count must be <= {MAX_AT_ONCE}")
    held = holdings.locked(connection, payer, charges)
    count = min(request.max_count, MAX_AT_ONCE)
    short = []
    for name, amount in sorted(charges.items()):
        holding = held[name]
        if holding.limit < 0 or amount == 0:
            continue
        count = min(count, max(0, holding.limit - holding.used) // amount)
        asked = amount * request.min_count
        if holding.used + asked > holding.limit:
            short.append(quotas.short(name, asked, holding))
    if short:
        raise TooMany(sorted(short))
    return count
