"""
`synnefo-manage project`: what Astakos' administrators decide.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from synnefo_tx.account.model import Actor, Asked, Doing
from synnefo_tx.account.rows import applications
from synnefo_tx.account.rows.tables import account_projects
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.effective import roles_on_project
from synnefo_tx.identity.rows.kinds import PROJECT
from synnefo_tx.people.mail.tables import mail_queue
from synnefo_tx.quota.registered import VM
from tests.synnefo_tx.admin.cloud import ManageCase


class ControlTests(ManageCase):
    def applied(self) -> int:
        asked = Asked(name="lab.example.org", owner_id="u-alice", resources={VM: (1, 5)})

        def unit(connection: Connection) -> int:
            doing = Doing(Actor("u-alice", "default", is_admin=True), 1_000_000, 3600)
            return applications.apply_for(connection, doing, "lab", asked)

        return int(self.write(unit))

    def test_an_application_is_seen_and_approved(self) -> None:
        number = self.applied()
        [row] = self.json("project", "pending")
        self.assertEqual((row["application"], row["applicant"]), (number, "u-alice"))
        self.run_it("project-control", "approve", str(number))
        self.assertEqual(self.json("project", "pending"), [])
        self.assertTrue(self.write(things.fetch, PROJECT, "lab")["enabled"])
        held = self.write(roles_on_project, "u-alice", "lab")
        self.assertEqual([one.name for one in held], ["member"])
        self.run_it("project-control", "approve", str(number), status=1)
        self.assertEqual(self.lines()[-1].action, "account:approve_project")

    def test_who_applied_is_told(self) -> None:
        """
        As the API tells it, and in the transaction of what is told.
        """
        self.run_it("user", "modify", "alice", "--email", "alice@example.org")
        self.run_it("project", "control", "approve", str(self.applied()))
        self.run_it("project", "control", "suspend", "lab", "--reason", "unpaid")
        self.run_it("project", "control", "suspend", "lab", status=1)
        told = self.write(lambda connection: list(connection.execute(select(mail_queue))))
        self.assertEqual(
            {(row.template, row.recipient) for row in told},
            {
                ("application-approved", "alice@example.org"),
                ("project-suspended", "alice@example.org"),
            },
        )

    def test_a_project_is_put_to_rest_and_woken(self) -> None:
        self.run_it("project", "control", "approve", str(self.applied()))
        for action, enabled in (
            ("suspend", False),
            ("unsuspend", True),
            ("terminate", False),
            ("reinstate", True),
        ):
            self.run_it("project", "control", action, "lab", "--yes")
            self.assertEqual(self.write(things.fetch, PROJECT, "lab")["enabled"], enabled)
        self.run_it("project", "control", "terminate", "lab", given="n\n", status=1)
        self.run_it("project", "control", "reinstate", "lab", status=1)

    def test_whose_time_is_over(self) -> None:
        """Each that ends is a line of the audit log; where none does, there is no line."""
        self.run_it("project", "control", "approve", str(self.applied()))
        before = len(self.lines())
        self.run_it("project", "expired", "--fix")
        self.assertEqual(len(self.lines()), before)
        over = update(account_projects).where(account_projects.c.id == "lab").values(end_at=1)
        self.write(lambda connection: connection.execute(over).rowcount)
        for more in ((), ("--fix",)):
            self.assertTrue(self.write(things.fetch, PROJECT, "lab")["enabled"])
            [row] = self.json("project", "expired", *more)
            self.assertEqual((row["project"], row["end_at"]), ("lab", 1))
        self.assertFalse(self.write(things.fetch, PROJECT, "lab")["enabled"])
        self.assertEqual(self.json("project", "expired", "--fix"), [])
        [line] = self.lines()[before:]
        self.assertEqual((line.action, line.target_id), ("account:terminate_project", "lab"))
        self.assertEqual(line.details, {"reason": "expired"})

    def test_an_application_is_denied(self) -> None:
        number = self.applied()
        self.run_it("project", "control", "deny", str(number), "--yes", "--reason", "no room")
        self.assertEqual(self.json("project", "pending"), [])
        self.assertEqual(self.json("project", "expired"), [])
        self.run_it("project", "control", "deny", "x", "--yes", status=2)
