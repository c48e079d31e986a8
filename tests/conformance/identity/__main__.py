"""
``python -m tests.conformance.identity [regex]``: tempest's identity tests against our API.

Every test that does not pass has to stand, with its reason, in docs/conformance.md.  Ends with one
line of the numbers; exit status 1 when a test failed, or does not stand there.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.identity import tempest
from tests.conformance.identity.cloud import running
from tests.conformance.identity.tempest import Outcome

REASONS = Path(__file__).parents[3] / "docs" / "conformance.md"


def main(arguments: list[str]) -> int:
    """
    Exit status.
    """
    tempest.install()
    with running() as cloud:
        outcomes = tempest.judged(cloud, *arguments[:1])
    numbers = Counter(one.outcome for one in outcomes)
    for one in outcomes:
        if one.outcome != "passed":
            print(f"{one.outcome}: {one.test}\n    {one.said.replace(chr(10), chr(10) + '    ')}")
    unexplained = _unexplained(outcomes)
    for test in unexplained:
        print(f"docs/conformance.md gives no reason why this one did not pass: {test}")
    print(
        f"conformance: tempest-identity passed {numbers['passed']} "
        f"failed {numbers['failed']} skipped {numbers['skipped']}"
    )
    return 1 if numbers["failed"] or unexplained or not numbers["passed"] else 0


def _unexplained(outcomes: Sequence[Outcome]) -> list[str]:
    """
    Tests that did not pass and that the page does not name.
    """
    page = REASONS.read_text()
    return [one.test for one in outcomes if one.outcome != "passed" and one.test not in page]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
