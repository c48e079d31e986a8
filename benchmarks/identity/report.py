"""
Figures: ``figure: NAME VALUE UNIT ratio R to PEER goal G ok|short``.
"""

from __future__ import annotations

from math import inf


def against(name: str, value: float, unit: str, peer: float, goal: float | None) -> str:
    """
    The line of a rate beside Keystone's.  goal: a ratio; None: there is none.
    """
    ratio = value / peer if peer else inf  # nothing at all in so short a time
    told = f"figure: {name} {value:.1f} {unit} ratio {ratio:.2f} to keystone"
    return told if goal is None else f"{told} goal {goal:g} {_verdict(ratio >= goal)}"


def cheaper(name: str, cost: float, unit: str, peer: float) -> str:
    """
    The line of what an answer costs beside Keystone's.
    """
    ratio = peer / cost if cost else inf
    return f"figure: {name} {cost:.3f} {unit} ratio {ratio:.2f} to keystone"


def at_most(name: str, value: float, unit: str, goal: float) -> str:
    """
    The line of what should be little.
    """
    return f"figure: {name} {value:.2f} {unit} ratio {goal / value:.2f} to goal goal {goal:g} " + (
        _verdict(value <= goal)
    )


def at_least(name: str, value: float, unit: str, goal: float) -> str:
    """
    The line of what should be much.
    """
    return f"figure: {name} {value:.2f} {unit} ratio {value / goal:.2f} to goal goal {goal:g} " + (
        _verdict(value >= goal)
    )


def _verdict(good: bool) -> str:
    return "ok" if good else "short"
