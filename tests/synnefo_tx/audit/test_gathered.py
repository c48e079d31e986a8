"""
Lines that are written together.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.gathered import GatheredLines


class SlowDatabase:
    """
    Keeps each transaction open until the test ends it.
    """

    def __init__(self) -> None:
        self.open: list[tuple[list[Any], Deferred[None]]] = []

    async def write(self, _unit: Any, lines: list[Any]) -> None:
        ended: Deferred[None] = Deferred()
        self.open.append((lines, ended))
        await ended


class GatheredTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.database = SlowDatabase()
        self.lines = GatheredLines(self.database)  # type: ignore[arg-type]

    def append(self, name: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self.lines.append(Entry("a", "user", name), 1))

    def names(self, number: int) -> list[str]:
        return [entry.target_id for entry, _ in self.database.open[number][0]]

    def test_what_comes_meanwhile_is_one_transaction(self) -> None:
        written = [self.append(name) for name in "abc"]
        self.assertEqual(self.names(0), ["a"])
        self.database.open[0][1].callback(None)
        self.successResultOf(written[0])
        self.assertEqual(self.names(1), ["b", "c"])
        self.assertNoResult(written[1])
        self.database.open[1][1].callback(None)
        self.successResultOf(written[2])

    def test_a_failure_is_that_of_its_lines_alone(self) -> None:
        first, second = self.append("a"), self.append("b")
        self.database.open[0][1].errback(OSError("no space"))
        self.failureResultOf(first, OSError)
        self.database.open[1][1].callback(None)
        self.successResultOf(second)
        third = self.append("c")
        self.database.open[2][1].callback(None)
        self.successResultOf(third)
