"""
/v3/OS-REVOKE/events.
"""

from __future__ import annotations

from tests.synnefo_tx.identity.asking import AskingCase


class RevokeEventTests(AskingCase):
    def test_a_disabled_user_is_told(self) -> None:
        self.cloud.disable("user", "u-bob")
        answer = self.ask("GET", "/OS-REVOKE/events").json
        self.assertEqual(
            answer["events"],
            [{"user_id": "u-bob", "issued_before": "2027-01-15T08:00:00.000000Z"}],
        )
        for since, count in (("2027-01-15T08:00:00Z", 1), ("2027-01-15T08:00:01Z", 0)):
            told = self.ask("GET", f"/OS-REVOKE/events?since={since}").json
            self.assertEqual(len(told["events"]), count)

    def test_who_may_not_and_what_is_no_moment(self) -> None:
        self.assertEqual(self.ask("GET", "/OS-REVOKE/events", token=self.alice).code, 403)
        self.told(self.ask("GET", "/OS-REVOKE/events?since=soon"), 400, "soon")
