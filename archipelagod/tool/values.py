"""
Sizes and times as people write and read them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?", re.IGNORECASE)


class SizeType(click.ParamType[int]):
    """
    Bytes, with a unit of powers of 1024: 512M, 10G, 1.5TiB.
    """

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See ParamType."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value!r} is no size such as 512M or 10G", param, ctx)
        return int(float(found[1]) * _UNITS[found[2].upper()])


def size_text(size: int) -> str:
    """
    The size with three digits or more, and its unit.
    """
    scaled = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if scaled < 1024 or unit == "TiB":
            break
        scaled /= 1024
    return f"{size} B" if unit == "B" else f"{scaled:.2f} {unit}"


def time_text(seconds: float) -> str:
    """
    The time in UTC.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
