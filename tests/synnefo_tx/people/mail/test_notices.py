"""
What happens to projects, as letters.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from synnefo_tx.account.notices import INotifier, Notice
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.mail.fields import FIELDS
from synnefo_tx.people.mail.notices import MailNotifier
from synnefo_tx.people.mail.tables import mail_queue
from synnefo_tx.people.mail.templates import Templates
from synnefo_tx.people.rows.address_tables import verified_addresses
from tests.synnefo_tx.account.project_cloud import ProjectCloud

URL = "https://cloud.example.org"
BOSS = "boss@example.org"


class MailingCloud(ProjectCloud):
    """Alice has an address in her record, bob one that he has verified."""

    def __init__(self, test: Any) -> None:
        super().__init__(test)
        self.set_email("u-alice", "alice@example.org")
        self.set_email("u-bob", "stale@example.org")
        row = {"domain_id": "default", "email": "bob@example.org", "user_id": "u-bob"}
        with self.database.engine.begin() as connection:
            connection.execute(insert(verified_addresses).values(row))

    def make_router(self) -> Any:
        self.notifier = MailNotifier(URL, (BOSS,))
        return super().make_router()

    def set_email(self, user_id: str, email: str, **more: Any) -> None:
        with self.database.engine.begin() as connection:
            changed = update(users).where(users.c.id == user_id)
            connection.execute(changed.values(extra={"email": email}, **more))

    def letters(self) -> list[tuple[str, str]]:
        """Template and recipient, in no order."""
        with self.database.engine.connect() as connection:
            rows = connection.execute(select(mail_queue)).all()
        templates = Templates.load(None, "Synnefo")
        for row in rows:
            templates.fill(row.template, row.filling)
        return sorted((row.template, row.recipient) for row in rows)

    def fresh(self) -> list[tuple[str, str]]:
        """Those since the last look."""
        found = self.letters()
        with self.database.engine.begin() as connection:
            connection.execute(mail_queue.delete())
        return found


class NoticesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = MailingCloud(self)

    def test_interface(self) -> None:
        verifyObject(INotifier, self.cloud.notifier)

    def test_applications(self) -> None:
        """Administrators are told of them, applicants of the answers."""
        cloud = self.cloud
        project_id, number = cloud.applied()
        self.assertEqual(cloud.fresh(), [("application-submitted", BOSS)])
        cloud.act(project_id, "deny", {"app_id": number, "reason": "too large"})
        self.assertEqual(cloud.fresh(), [("application-denied", "alice@example.org")])
        cloud.approved(name="other.example.org")
        self.assertIn(("application-approved", "alice@example.org"), cloud.fresh())

    def test_members(self) -> None:
        """Owners are told of wishes, members of what became of them."""
        cloud = self.cloud
        project_id = cloud.approved(join_policy="moderated", leave_policy="moderated")
        cloud.fresh()
        number = cloud.joined(project_id)
        self.assertEqual(cloud.fresh(), [("join-requested", "alice@example.org")])
        cloud.member_act(number, "accept", "u-alice")
        self.assertEqual(cloud.fresh(), [("member-accepted", "bob@example.org")])
        cloud.member_act(number, "leave", "u-bob")
        self.assertEqual(cloud.fresh(), [("leave-requested", "alice@example.org")])
        cloud.member_act(number, "remove", "u-alice")
        self.assertEqual(cloud.fresh(), [("member-removed", "bob@example.org")])
        again = cloud.joined(project_id)
        cloud.fresh()
        cloud.member_act(again, "reject", "u-alice", "no room")
        self.assertEqual(cloud.fresh(), [("member-rejected", "bob@example.org")])

    def test_what_becomes_of_projects(self) -> None:
        cloud = self.cloud
        project_id = cloud.approved()
        cloud.fresh()
        for action in ("suspend", "unsuspend", "terminate", "reinstate"):
            cloud.act(project_id, action, {"reason": "dust"})
            [(template, to)] = cloud.fresh()
            self.assertTrue(template.startswith(f"project-{action}"), template)
            self.assertEqual(to, "alice@example.org")

    def test_the_member_is_named(self) -> None:
        cloud = self.cloud
        cloud.joined(cloud.approved())
        with cloud.database.engine.connect() as connection:
            rows = connection.execute(select(mail_queue.c.template, mail_queue.c.filling))
            [filling] = [row.filling for row in rows if row.template == "join-requested"]
        told = (filling["user"], filling["project"], filling["url"])
        self.assertEqual(told, ("bob", "lab.example.org", URL))

    def test_feedback(self) -> None:
        form = b"feedback_msg=It+is+slow&feedback_data=x"
        media = "application/x-www-form-urlencoded"
        self.cloud.call("POST", "/feedback", form, "u-bob", media)
        self.assertEqual(self.cloud.letters(), [("feedback", BOSS)])

    def test_what_did_not_happen_is_not_told(self) -> None:
        """Letters are in the transaction of what they tell."""
        cloud = self.cloud
        notice = Notice("project-suspended", "p", ("u-alice",))

        def unit(connection: Any) -> None:
            cloud.notifier.notify(connection, notice)
            raise ValueError

        self.failureResultOf(cloud.database.write(unit), ValueError)
        self.assertEqual(cloud.letters(), [])

    def test_who_is_not_told(self) -> None:
        """Without an address, or disabled, or gone."""
        self.cloud.set_email("u-alice", "alice@example.org", enabled=False)
        self.cloud.set_email("u-cyclades", "no address")
        told = ("u-alice", "u-cyclades", "u-nobody", "u-bob", "u-bob")
        with self.cloud.database.engine.begin() as connection:
            self.cloud.notifier.notify(connection, Notice("project-suspended", "p", told))
        self.assertEqual(self.cloud.letters(), [("project-suspended", "bob@example.org")])

    def test_every_kind_has_a_text(self) -> None:
        kinds = Notice.__doc__ or ""
        named = kinds.split('"')[1::2]
        self.assertEqual(len(named), 15)
        self.assertTrue(set(named) <= set(FIELDS))
