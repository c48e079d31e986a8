"""
What a scrub says.
"""

from __future__ import annotations

from typing import Any

import msgspec

KEPT = 100  # findings that are told in full; all are counted

#: a map that can't be read; a body or list that is lost or damaged; an object that is lost; a block
#: that is lost, or not what its name says; a journal that can't be read; and what nothing refers
#: to, which a sweep removes
KINDS = (
    "damaged_map",
    "damaged_body",
    "lost_object",
    "lost_block",
    "damaged_block",
    "damaged_journal",
    "orphaned_object",
    "orphaned_body",
    "orphaned_journal",
)


class Finding(msgspec.Struct, frozen=True):
    """
    One thing that is not as it should.

    where: volume ("deleted/..." for a deleted one), object, block or journal.  detail: for people.
    """

    kind: str
    where: str
    detail: str = ""


class State(msgspec.Struct):
    """
    How far a scrub is, and what it saw; kept in the store.
    """

    phase: int = 0
    after: str = ""  # all names up to this one are done
    begun_at: float = 0.0  # seconds since 1970
    maps: int = 0
    objects: int = 0
    blocks: int = 0
    journals: int = 0
    read_bytes: int = 0
    counts: dict[str, int] = {}
    findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """
        One more.
        """
        self.counts[finding.kind] = self.counts.get(finding.kind, 0) + 1
        if len(self.findings) < KEPT:
            self.findings.append(finding)

    def summary(self) -> dict[str, Any]:
        """
        For whoever asked.
        """
        found: dict[str, Any] = msgspec.to_builtins(self)
        del found["phase"], found["after"]
        found["total"] = sum(self.counts.values())
        return found
