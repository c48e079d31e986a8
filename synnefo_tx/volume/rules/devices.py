"""
Names of disks in guests.  Pure.
"""

from __future__ import annotations

import string
from collections.abc import Iterator


def devices() -> Iterator[str]:
    """
    From /dev/vdb on: the first is what servers boot from.
    """
    letters = string.ascii_lowercase
    for first in ("", *letters):
        for letter in letters:
            if first + letter != "a":
                yield f"/dev/vd{first}{letter}"
