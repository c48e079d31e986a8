"""
Moments as Nova writes them.  Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime


def second(time_us: int) -> str:
    """
    "2026-11-23T02:12:38Z" from microseconds since the epoch.
    """
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bare(time_us: int | None) -> str | None:
    """
    "2026-11-23T02:12:39.000000", without a zone.
    """
    if time_us is None:
        return None
    when = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.000000")
