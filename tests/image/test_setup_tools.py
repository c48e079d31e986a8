"""
The counting of what passed and failed, which decides whether a change is accepted.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.image.guest import CHECKOUT

CHECKS = runpy.run_path(str(CHECKOUT / "tools/setup/checks.py"))
count: Callable[[list[str], int], tuple[int, int]] = CHECKS["count"]


class CountTests(SynchronousTestCase):
    """
    Numbers out of trial's last line.
    """

    def test_all_passed(self) -> None:
        """
        Skipped tests are neither passed nor failed.
        """
        self.assertEqual(count(["x", "PASSED (skips=2, successes=40)", ""], 0), (40, 0))

    def test_some_failed(self) -> None:
        """
        Failures, errors and unexpected successes all count as failed.
        """
        line = "FAILED (failures=1, errors=2, unexpectedSuccesses=3, successes=4)"
        self.assertEqual(count([line], 1), (4, 6))

    def test_no_summary(self) -> None:
        """
        A run that broke off has failed.
        """
        self.assertEqual(count(["Traceback"], 1), (0, 1))

    def test_bad_status(self) -> None:
        """
        An exit status of failure counts, whatever the last line says.
        """
        self.assertEqual(count(["PASSED (successes=4)"], 1), (4, 1))

    def test_nothing_ran(self) -> None:
        """
        Only skipped tests are no success.
        """
        self.assertEqual(count(["PASSED (skips=9)"], 0), (0, 1))
