"""
Failures, as the operator hears of them.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.complaints import MOST, WHILE_S, Complaints


class ComplaintsTests(SynchronousTestCase):
    """Complaints, by a clock of ours."""

    def setUp(self) -> None:
        """Of a volume."""
        self.now_s = 5.0
        self.lines: list[str] = []
        self.complaints = Complaints("v", self.lines.append, lambda: self.now_s)

    def happens(self, times: int) -> None:
        """So often."""
        for _ in range(times):
            self.complaints.tell(OSError(5, "broken"))

    def test_told(self) -> None:
        """The first are told one by one."""
        self.happens(2)
        self.assertEqual(self.lines, ["v: [Errno 5] broken\n"] * 2)

    def test_many(self) -> None:
        """A flood of them is some lines, and then a number."""
        self.happens(MOST + 1000)
        self.assertEqual(len(self.lines), MOST)
        self.now_s += WHILE_S
        self.happens(2)
        self.assertEqual(
            self.lines[MOST:],
            [
                "v: [Errno 5] broken (1000 failures before were not told)\n",
                "v: [Errno 5] broken\n",
            ],
        )
