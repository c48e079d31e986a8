"""
The page that tells what Tempest found.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.cyclades import page
from tests.conformance.tempest.runs import Outcome

SAID = """Traceback (most recent call last):
  File "/x/site-packages/tempest/api/compute/servers/test_things.py", line 21, in test_thing
    self.client.ask()
  File "/x/site-packages/tempest/lib/common/rest_client.py", line 882, in _error_checker
    raise exceptions.BadRequest(resp_body, resp=resp)
tempest.lib.exceptions.BadRequest: Bad request
Details: {'code': 400, 'message': 'No tempest-Thing-123456789 0f8fad5b-d9cb-469f-a165-70867728950e'}
"""
REASON = (
    "tempest.lib.exceptions.BadRequest: Bad request "
    "Details: {'code': 400, 'message': 'No tempest-Thing-N ID'}"
)


class ReasonTests(SynchronousTestCase):
    """Why a test did not pass."""

    def test_traceback(self) -> None:
        """The exception with its details, without what another run would say otherwise."""
        self.assertEqual(page.reason(SAID), REASON)

    def test_skip(self) -> None:
        """A reason alone stays as it is."""
        self.assertEqual(page.reason("Metering is not there."), "Metering is not there.")

    def test_shown(self) -> None:
        """On the terminal, the places in the tests stand before it."""
        first, second, *_ = page.shown(SAID).splitlines()
        self.assertIn("test_things.py", first)
        self.assertEqual(second, "    BadRequest: Bad request")


class SectionTests(SynchronousTestCase):
    """A part of the page."""

    def test_numbers_and_reasons(self) -> None:
        """It counts, and names every test that did not pass below its reason."""
        outcomes = [
            Outcome("tempest.api.a", "passed", ""),
            Outcome("tempest.api.b", "failed", "why: it"),
            Outcome("tempest.api.c", "failed", "why: it"),
            Outcome("tempest.api.d", "skipped", "not here"),
        ]
        text = page.section("volume", "fake", outcomes)
        self.assertIn("passed 1, failed 2, skipped 1", text)
        self.assertIn("- why: it\n  - `api.b`\n  - `api.c`\n", text)
        self.assertIn("- not here\n  - `api.d`\n", text)

    def test_written_over(self) -> None:
        """The part of the same name is replaced, and nothing else."""
        before = "# Page\n\n## Tempest's a tests\n\nold\n\n## Tempest's b tests\n\nkept\n"
        after = "# Page\n\n## Tempest's a tests\n\nnew\n\n## Tempest's b tests\n\nkept\n"
        self.assertEqual(page.replaced(before, "a", "## Tempest's a tests\n\nnew\n"), after)

    def test_added(self) -> None:
        """One that is not there is added at the end."""
        self.assertEqual(
            page.replaced("# Page\n", "a", "## Tempest's a tests\n"),
            "# Page\n\n## Tempest's a tests\n",
        )
