"""
The comparison that judges ganetid beside a real Ganeti: it sees what differs, and only that.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.rapi.compare import differences
from tests.conformance.rapi.steps import DRIVEN, STEPS

UUIDS = ("11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-aaaaaaaaaaaa")


def compared(our: Any, their: Any, *allowed: str) -> list[str]:
    ours, theirs = {"method": "M", "answer": our}, {"method": "M", "answer": their}
    return differences([ours], [theirs], dict.fromkeys(allowed, "why"), {})[0]


class CompareTests(SynchronousTestCase):
    """One call, answered twice."""

    def test_what_differs(self) -> None:
        """A value, a type, a key too many or too few, a list's length."""
        for our, their in (
            ({"a": 1}, {"a": 2}),
            ({"a": 1}, {"a": "1"}),
            ({"a": True}, {"a": None}),
            ({"a": 1, "b": 2}, {"a": 1}),
            ({"a": 1}, {"a": 1, "b": 2}),
            ([1], [1, 1]),
            ("it is up", "it is down"),
            ({"ctime": "yesterday"}, {"ctime": 1.5}),
        ):
            self.assertEqual(len(compared(our, their)), 1, (our, their))

    def test_what_can_not_be_the_same(self) -> None:
        """UUIDs, generated addresses and times differ from run to run."""
        for our, their in (
            (f"group {UUIDS[0]}", f"group {UUIDS[1]}"),
            ("aa:00:00:12:34:56", "aa:00:00:65:43:21"),
            ({"ctime": 1.0}, {"ctime": 2.5}),
            ({"mfree": 7}, {"mfree": 8}),
            (2, 2.0),
        ):
            self.assertEqual(compared(our, their), [], (our, their))

    def test_on_purpose(self) -> None:
        """A difference with a reason counts for its own place alone."""
        self.assertEqual(compared({"a": 1}, {"a": 2}, "M:answer.a"), [])
        self.assertEqual(len(compared({"a": 1, "b": 1}, {"a": 2, "b": 2}, "M:answer.a")), 1)
        self.assertEqual(len(compared({"a": 1}, {"a": 2}, "N:answer.a")), 1)

    def test_all_methods(self) -> None:
        """As many methods are called as the client of Debian has."""
        self.assertEqual(len({step.method for step in STEPS} | set(DRIVEN)), 81)
