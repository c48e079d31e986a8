"""
What passed before, and what a run makes of it.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.cyclades import ratchet
from tests.conformance.tempest.runs import Outcome

RAN = (Outcome("a", "passed", ""), Outcome("b", "failed", "why"), Outcome("c", "skipped", "why"))


class RatchetTests(SynchronousTestCase):
    """Runs of a, b and c."""

    def test_lost(self) -> None:
        """What passed and now fails, or is skipped, is lost; what was not asked is not."""
        self.assertEqual(ratchet.lost(["a", "b", "c", "d"], RAN), ["b", "c"])

    def test_nothing_lost(self) -> None:
        """What never passed can't be lost."""
        self.assertEqual(ratchet.lost(["a"], RAN), [])

    def test_after(self) -> None:
        """New passes are added, what no longer passes goes, what was not asked stays."""
        self.assertEqual(ratchet.after(["b", "d"], RAN), ["a", "d"])
