"""
Moments as Cinder writes them.  Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime

FORM = "%Y-%m-%dT%H:%M:%S.%f"


def moment(time_us: int) -> str:
    """
    "2026-11-23T02:12:41.000000" from microseconds since the epoch.
    """
    whole = time_us // 1_000_000
    return datetime.fromtimestamp(whole, UTC).strftime(FORM)


def changed(row_created_us: int, row_updated_us: int) -> str | None:
    """
    When a thing was changed last; None when it never was.
    """
    return moment(row_updated_us) if row_updated_us != row_created_us else None
