"""
What runs the tests and counts what passed and failed, which decides whether a change is accepted.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.image.guest import CHECKOUT

TOOLS = CHECKOUT / "tools" / "setup"


def loaded(name: str) -> dict[str, Any]:
    """
    What a program of tools/setup defines; it finds its neighbours as when it is run.
    """
    sys.path.insert(0, str(TOOLS))
    try:
        return runpy.run_path(str(TOOLS / f"{name}.py"))
    finally:
        sys.path.remove(str(TOOLS))


CHECKS, LANES = loaded("checks"), loaded("lanes")
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


class FailuresTests(SynchronousTestCase):
    """
    What is shown again at the end.
    """

    def shown(self, lines: list[str], *, is_trial: bool) -> list[str]:
        """Of a stage that failed."""
        shown: list[str] = CHECKS["failures"](CHECKS["Done"]("x", 1, lines, is_trial))
        return shown

    def test_trial(self) -> None:
        """
        Of trial's output only the failures, and how many there were.
        """
        front = ["tests.x", "  test_y ...       [FAIL]", "", "=====", "[ERROR]"]
        lines = [*front, "Traceback", "[FAIL]", "Traceback", "FAILED (failures=1, errors=1)"]
        self.assertEqual(self.shown(lines, is_trial=True), lines[4:])

    def test_broken_off(self) -> None:
        """
        Of a run that broke off, the end.
        """
        lines = [f"line {number}" for number in range(1000)]
        self.assertEqual(self.shown(lines, is_trial=True)[-1], "line 999")

    def test_others(self) -> None:
        """
        Of other stages, all.
        """
        self.assertEqual(self.shown(["a", "b"], is_trial=False), ["a", "b"])


class LaneTests(SynchronousTestCase):
    """
    Runs of trial that go side by side.
    """

    def test_all_are_run(self) -> None:
        """
        Every module with tests is in one of them, and in no other.
        """
        lanes: dict[str, list[str]] = LANES["packages"](CHECKOUT)
        chosen = [name for lane in lanes.values() for name in lane]
        for path in CHECKOUT.glob("tests/**/test_*.py"):
            module = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
            runs = [one for one in chosen if f"{module}.".startswith(f"{one}.")]
            self.assertEqual((module, len(runs)), (module, 1))

    def test_new_package(self) -> None:
        """
        One that nobody has thought of is run too.
        """
        root = Path(self.mktemp())
        (root / "tests" / "new").mkdir(parents=True)
        (root / "tests" / "new" / "__init__.py").touch()
        self.assertIn("tests.new", LANES["packages"](root)["others"])

    def test_directories(self) -> None:
        """
        Each has a directory of its own.
        """
        commands: dict[str, list[str]] = LANES["commands"](CHECKOUT)
        self.assertEqual(len({command[1] for command in commands.values()}), len(commands))
