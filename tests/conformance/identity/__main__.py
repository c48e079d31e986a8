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

from tests.conformance.identity.cloud import Running, running
from tests.conformance.tempest.runs import Asked, Outcome, configuration, install, judged

HERE = Path(__file__).parent
REASONS = HERE.parents[2] / "docs" / "conformance.md"
TESTS = r"^tempest\.api\.identity"


def main(arguments: list[str]) -> int:
    """
    Exit status.
    """
    install()
    asked = Asked(arguments[0] if arguments else TESTS)
    with running() as cloud:
        outcomes = judged(cloud.home, _configuration(cloud), asked)
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


def _configuration(cloud: Running) -> str:
    given = {
        "HOME": str(cloud.home),
        "ADMIN_PASSWORD": cloud.admin_password,
        "AUTH_URL": cloud.auth_url,
    }
    return configuration(HERE / "tempest.conf.template", given)


def _unexplained(outcomes: Sequence[Outcome]) -> list[str]:
    """
    Tests that did not pass and that the page does not name.
    """
    page = REASONS.read_text()
    return [one.test for one in outcomes if one.outcome != "passed" and one.test not in page]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
