"""
Figures: ``figure: NAME VALUE UNIT ratio R to PEER goal G ok|short``.

A ratio above 1 is better than the peer; the goal is in UNIT.
"""

from __future__ import annotations

from attrs import frozen

# Measured once on two cores, with 107 instances; reads/s, creates/s, ms, MiB.
RECORDED = {
    "submit-by-8": 970.0,
    "job-floor": 1300.0,
    "creates": 0.78,
    "deletes": 0.5,
    "read-version": 21.8,
    "read-info": 22.6,
    "read-instance": 5.9,
    "read-version-by-8": 123.0,
    "read-info-by-8": 104.0,
    "read-instance-by-8": 13.3,
    "bulk-100": 188.0,
    "bulk-100-by-8": 5.2,
    "memory": 430.0,
}


@frozen
class Figure:
    """
    A measurement.

    peer: the same of a Ganeti, if known.  at_most: whether less is better.
    """

    name: str
    value: float
    unit: str
    goal: float
    at_most: bool = True
    peer: float | None = None
    peer_name: str = "ganeti-3.0.2-recorded"

    def line(self) -> str:
        """As it is printed."""
        good = self.value <= self.goal if self.at_most else self.value >= self.goal
        verdict = "ok" if good else "short"
        against = ""
        if self.peer is not None:
            ratio = self.peer / self.value if self.at_most else self.value / self.peer
            against = f"ratio {ratio:.2f} to {self.peer_name} "
        measured = f"{self.name} {self.value:.2f} {self.unit}"
        return f"figure: {measured} {against}goal {self.goal:g} {verdict}"
