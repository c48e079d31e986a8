"""
Figures: ``figure: NAME VALUE UNIT ratio R to PEER goal G ok|short``.

A ratio above 1 is better than the peer; the goal is in UNIT.
"""

from __future__ import annotations

from attrs import frozen

# Measured on two cores: ../shared/reference of the project, section 5.1, with 107 instances.
RECORDED = {
    "submit": 970.0,
    "job-floor": 1300.0,
    "creates": 0.78,
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
