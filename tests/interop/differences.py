"""
The table of deliberate differences in docs/nbd.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "nbd.md"
HEADING = "| what | qemu-nbd | archipelagod | why |"


class Difference(NamedTuple):
    """What the two do."""

    theirs: str
    ours: str


def documented() -> dict[str, Difference]:
    """
    The table's rows, without the reasons.
    """
    lines = DOCUMENT.read_text().splitlines()
    found = {}
    for line in lines[lines.index(HEADING) + 2 :]:
        if not line.startswith("|"):
            break
        what, theirs, ours, why = (cell.strip() for cell in line.strip("|").split("|"))
        assert why, f"{what}: no reason given"
        found[what] = Difference(theirs, ours)
    return found
