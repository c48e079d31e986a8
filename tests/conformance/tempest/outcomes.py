"""
``python outcomes.py < stream``: a run's subunit stream as lines of JSON, [test, outcome, details].

A class that was skipped, or whose setting up failed, is told as its tests.  Run by the interpreter
that tempest was installed for: the stream's library is there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import subunit
from testtools import StreamToDict

OUTCOMES = {"success": "passed", "xfail": "passed", "skip": "skipped"}  # all others: "failed"
OF_CLASS = re.compile(r"(?:setUp|tearDown)Class \((.*)\)")


class Collected:
    """
    The outcomes of a run.  known: the tests that it was to run.
    """

    def __init__(self) -> None:
        self.known: list[str] = []
        self.outcomes: dict[str, tuple[str, str]] = {}

    def add(self, test: dict[str, Any]) -> None:
        """One entry of the stream."""
        name = test["id"].partition("[")[0]
        if test["status"] == "exists":
            self.known.append(name)
            return
        details = {name: content.as_text() for name, content in test["details"].items()}
        said = details.get("reason") or details.get("traceback") or test["status"]
        self.outcomes[name] = (OUTCOMES.get(test["status"], "failed"), said.strip())

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """(test, outcome, details) of each."""
        classes = {}
        for name, outcome in self.outcomes.items():
            of_class = OF_CLASS.fullmatch(name)
            if of_class is None:
                yield name, *outcome
            else:
                classes[of_class.group(1)] = outcome
        for name in self.known:
            if name not in self.outcomes:
                whole = name.rpartition(".")[0]
                yield name, *classes.get(whole, ("failed", "it was not run"))


def main() -> None:
    """Everything on standard input."""
    collected = Collected()
    result = StreamToDict(collected.add)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name="stdout").run(result)
    result.stopTestRun()
    for line in collected.lines():
        print(json.dumps(line))


if __name__ == "__main__":
    main()
