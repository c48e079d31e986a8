"""
`synnefo-manage user` for those who signed up, and `synnefo-manage terms`.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from synnefo_tx.identity.follower import Nobody
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import PROJECT, USER
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.mail.tables import mail_queue
from synnefo_tx.people.model import Registration
from synnefo_tx.people.rows import registering
from synnefo_tx.people.rows.admission import why_not
from tests.synnefo_tx.admin.cloud import ManageCase
from tests.synnefo_tx.identity.cloud import HASHES


class PeopleTests(ManageCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("dan", "eve"):
            wanted = Registration(name, f"{name}@example.org", "default", HASHES["bob"])
            doing = Doing(1_800_000_000, 3600, Nobody())
            self.write(registering.register, wanted, f"u-{name}", 60, doing)

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.json("user", "people")}

    def templates(self) -> list[str]:
        return [row.template for row in self.write(lambda c: c.execute(select(mail_queue)).all())]

    def test_from_the_address_to_the_log_in(self) -> None:
        """With the project, the letters and the lines of the audit log that the API gives."""
        self.assertEqual(self.states(), {"dan": "unverified", "eve": "unverified"})
        self.run_it("user", "accept", "eve", status=1)
        self.run_it("user", "verify", "eve")
        self.assertEqual([one["name"] for one in self.json("user", "pending")], ["eve"])
        self.run_it("user", "accept", "eve", "--reason", "known to us")
        self.assertEqual(self.states()["eve"], "accepted")
        self.assertEqual(self.write(why_not, "u-eve"), "")
        self.assertTrue(self.write(things.fetch, USER, "u-eve")["enabled"])
        self.assertTrue(self.write(things.fetch, PROJECT, "u-eve")["enabled"])
        self.assertEqual(self.templates(), ["account-accepted"])
        verified, accepted = self.lines()[-2:]
        self.assertEqual(verified.action, "account:verify_address")
        self.assertEqual(accepted.action, "account:accept_person")
        self.assertEqual(accepted.details, {"reason": "known to us"})
        self.assertEqual((accepted.target_id, accepted.address), ("u-eve", "local"))

    def test_rejected(self) -> None:
        """What can't be undone easily is asked about."""
        self.run_it("user", "verify", "eve")
        self.run_it("user", "reject", "eve", given="n\n", status=1)
        self.assertEqual(self.states()["eve"], "pending")
        self.run_it("user", "reject", "eve", "--yes", "--reason", "no such student")
        [row] = self.json("user", "people", "--state", "rejected")
        self.assertEqual((row["name"], row["reason"]), ("eve", "no such student"))

    def test_put_aside(self) -> None:
        for action in ("verify", "accept", "deactivate"):
            self.run_it("user", action, "eve")
        self.assertEqual(self.states()["eve"], "deactivated")
        self.assertFalse(self.write(things.fetch, USER, "u-eve")["enabled"])
        self.run_it("user-reactivate", "eve")
        self.assertTrue(self.write(things.fetch, USER, "u-eve")["enabled"])

    def test_others(self) -> None:
        """Users of administrators are none of these."""
        self.run_it("user", "accept", "alice", status=3)
        self.run_it("user", "verify", "nobody", status=3)
        self.run_it("user", "accept", "eve", "--reason", "x" * 1001, status=2)
        self.run_it("user", "people", "--state", "happy", status=2)

    def test_pages(self) -> None:
        first = self.json("user", "people", "--limit", "1")
        rest = self.json("user", "people", "--marker", first[0]["id"])
        self.assertEqual([one["name"] for one in first + rest], ["dan", "eve"])


class TermsTests(ManageCase):
    def test_published_and_shown(self) -> None:
        path = Path(self.mktemp())
        path.write_text("Be kind.\n")
        self.run_it("terms", "show", status=3)
        self.run_it("terms", "publish", str(path), given="n\n", status=1)
        self.run_it("terms", "show", status=3)
        told = self.run_it("terms", "publish", str(path), "--yes").stdout
        self.assertIn("version 1", told)
        self.run_it("terms", "publish", "-", "--yes", given="Be kinder.")
        self.assertEqual(self.json("terms", "show")["content"], "Be kinder.")
        self.assertEqual(self.json("terms", "show", "1")["content"], "Be kind.\n")
        self.run_it("terms", "show", "3", status=3)
        self.assertEqual(self.lines()[-1].action, "account:publish_terms")

    def test_no_text(self) -> None:
        self.run_it("terms", "publish", "-", "--yes", given="", status=2)
        self.run_it("terms", "publish", "/nowhere/at/all", status=2)
