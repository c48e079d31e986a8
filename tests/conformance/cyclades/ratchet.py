"""
What passed before must pass again: passed.txt, one name a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.conformance.tempest.runs import Outcome

PASSED = Path(__file__).parent / "passed.txt"


def lost(before: Iterable[str], outcomes: Iterable[Outcome]) -> list[str]:
    """
    Tests that passed `before` and did not in this run, sorted.  Those that it did not ask are not
    lost.
    """
    known = set(before)
    return sorted(one.test for one in outcomes if one.outcome != "passed" and one.test in known)


def after(before: Iterable[str], outcomes: Iterable[Outcome]) -> list[str]:
    """
    Tests that pass, as known after this run, sorted.
    """
    ran = {one.test: one.outcome for one in outcomes}
    kept = {test for test in before if test not in ran}
    return sorted(kept | {test for test, outcome in ran.items() if outcome == "passed"})


def read() -> list[str]:
    """What passed before."""
    return PASSED.read_text().splitlines() if PASSED.exists() else []


def write(tests: Iterable[str]) -> None:
    """Keep what passes now."""
    PASSED.write_text("".join(f"{test}\n" for test in tests))
