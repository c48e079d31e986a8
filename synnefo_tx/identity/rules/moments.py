"""
Moments as clients write and read them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from synnefo_tx.errors import BadRequest

_FAULT = (
    " The server could not comply with the request since it is either malformed or otherwise "
    "incorrect. The client is assumed to be in error."
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def end_us(text: str, now: float) -> int:
    """
    The moment at which something is to end, microseconds since the epoch.  now: seconds.

    Raises BadRequest when it is no ISO 8601 or is past.
    """
    try:
        read = datetime.fromisoformat(text if text.endswith("Z") else f"{text}Z")
    except ValueError as error:
        raise BadRequest(f"Timestamp not in expected format.{_FAULT}") from error
    end = (read - _EPOCH) // timedelta(microseconds=1)
    if end < now * 1e6:
        raise BadRequest(f"The 'expires_at' must not be before now.{_FAULT}")
    return end


def moment_us(microseconds: int) -> str:
    """
    "2026-11-23T05:33:44.123456".
    """
    return (_EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")
