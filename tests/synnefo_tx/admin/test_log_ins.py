"""
`synnefo-manage user` for the ways by which somebody logs in.
"""

from __future__ import annotations

import time

from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.rows import accounts
from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.people.mail import claims
from synnefo_tx.people.rows import addresses, factors
from tests.synnefo_tx.admin.cloud import ManageCase

NOW = 1_800_000_000


class LogInTests(ManageCase):
    def setUp(self) -> None:
        super().setUp()
        self.write(factors.enrol, "u-alice", factors.Enrolment("sealed", 1, ("x", "y")))

    def test_the_ways_of_somebody(self) -> None:
        """Without a secret."""
        added = (Person("oidc:work", "a-1", "x"), AccountRules(), "u-alice")
        self.write(accounts.settle, *added, accounts.Moment(NOW, 3600))
        shown = self.json("user", "log-ins", "alice")
        self.assertEqual(
            [(one["method"], one["identifier"], one["last_used_at"]) for one in shown],
            [
                ("password", "", None),
                ("oidc:work", "a-1", "2027-01-15T08:00:00Z"),
                ("second factor", "2 recovery codes left", None),
            ],
        )

    def test_who_has_lost_everything(self) -> None:
        """Is asked about, and is a line of the audit log; nobody has none to end."""
        self.run_it("user", "end-second-factor", "alice", given="n\n", status=1)
        self.assertTrue(self.write(factors.standing, "u-alice").enrolled)
        self.run_it("user", "end-second-factor", "alice", "--yes")
        self.assertFalse(self.write(factors.standing, "u-alice").asked_for)
        line = self.lines()[-1]
        self.assertEqual((line.action, line.target_id), ("account:end_second_factor", "u-alice"))
        self.run_it("user", "end-second-factor", "alice", "--yes", status=1)

    def test_its_owner_is_told(self) -> None:
        """As when it is ended by HTTP: it may have been a thief who asked for that."""
        self.write(addresses.claim, "default", "alice@example.org", "u-alice")
        self.run_it("user", "end-second-factor", "alice", "--yes")
        [letter] = self.write(claims.claim, 5, 60, int(time.time()))
        self.assertEqual(
            (letter.template, letter.recipient, letter.filling["what"]),
            ("log-in-changed", "alice@example.org", "the second factor was ended."),
        )
