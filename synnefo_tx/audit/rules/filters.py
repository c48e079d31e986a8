"""
Which lines of the audit log a query asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from synnefo_tx.audit.rows.lists import Alike, Wanted
from synnefo_tx.audit.views.events import EPOCH
from synnefo_tx.errors import BadRequest

LONGEST_PAGE = 1000
MOST_DIGITS = 18  # of a number that databases have
FILTERS = {  # words of the query, each with its column
    "user": "user_id",
    "user_id": "user_id",
    "project_id": "project_id",
    "action": "action",
    "outcome": "outcome",
    "target_type": "target_kind",
    "target": "target_id",
    "target_id": "target_id",
    "address": "address",
    "request_id": "request_id",
}
WORDS = frozenset({*FILTERS, "since", "until", "marker", "limit"})


def wanted_lines(query: Mapping[str, str]) -> Wanted:
    """
    What `query` asks for.  Raises BadRequest, which names the word that is wrong.
    """
    unknown = sorted(query.keys() - WORDS)
    if unknown:
        raise BadRequest(
            f"There is no filter {unknown[0]!r}; there are {', '.join(sorted(WORDS))}."
        )
    alike = {FILTERS[word]: value for word, value in query.items() if word in FILTERS}
    limit = _number("limit", query.get("limit"))
    return Wanted(
        alike=Alike(**alike),
        since_us=_moment("since", query.get("since")),
        until_us=_moment("until", query.get("until")),
        marker=_number("marker", query.get("marker")),
        limit=min(limit or LONGEST_PAGE, LONGEST_PAGE),
    )


def _moment(word: str, text: str | None) -> int | None:
    """
    Microseconds since the epoch.  A time without a zone is UTC; "+" may have come as " ".
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace(" +", "+").replace(" ", "T"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"{word}: {text!r} is no time such as 2026-11-25T03:10:38Z.") from error


def _number(word: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > MOST_DIGITS or not int(text):
        raise BadRequest(f"{word}: {text!r} is no positive number.")
    return int(text)
