"""
Personal projects, and Keystone's world beside Astakos'.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, select
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from synnefo_tx.account.model import Actor, Asked
from synnefo_tx.account.notices import INotifier, MemoryNotifier, Silence
from synnefo_tx.account.rows import control, lists, members
from synnefo_tx.account.rows.following import AccountFollower, ensure_accounts
from synnefo_tx.account.rows.tables import account_projects
from synnefo_tx.audit.entry import Entry
from synnefo_tx.identity.follower import IFollower, Nobody
from synnefo_tx.quota.registered import PENDING_APP, VM
from synnefo_tx.quota.rows import holdings
from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from tests.synnefo_tx.account.project_cloud import ProjectCloud
from tests.synnefo_tx.identity.cloud import IdentityCloud, identity_cloud

YEAR_US = 366 * 86400 * 10**6


class InterfaceTests(SynchronousTestCase):
    """The promises are kept."""

    def test_interfaces(self) -> None:
        """By every implementation."""
        verifyObject(IFollower, AccountFollower())
        verifyObject(IFollower, Nobody())
        verifyObject(INotifier, Silence())
        verifyObject(INotifier, MemoryNotifier())


class EnsureTests(SynchronousTestCase):
    """What a start makes of users and projects that were there."""

    make_cloud = ProjectCloud

    def setUp(self) -> None:
        self.cloud = self.make_cloud(self)
        for _ in range(2):  # the second start finds nothing to do
            self.cloud.write(ensure_accounts, True, 1)

    def test_a_personal_project(self) -> None:
        """Synnefo's: of the user alone, closed, with the limits of personal projects."""
        view = self.cloud.shown("u-alice", "u-alice")
        self.assertEqual(view["name"], "system:u-alice")
        self.assertTrue(view["system_project"])
        self.assertIsNone(view["owner"])
        self.assertEqual((view["join_policy"], view["leave_policy"]), ("closed", "closed"))
        self.assertEqual((view["max_members"], view["private"]), (1, True))
        self.assertEqual(view["resources"][PENDING_APP]["member_capacity"], 3)
        self.assertEqual(self.cloud.roles("u-alice", "u-alice"), ["member"])
        self.assertEqual(self.cloud.call("GET", "/projects/u-alice", user="u-bob").status, 404)

    def test_nobody_else_comes_in(self) -> None:
        """Not by asking, not by its user, and its user doesn't leave."""
        self.assertEqual(self.cloud.enter("join", {"project": "u-alice"}, "u-bob").status, 404)
        data = {"project": "u-alice", "user": "bob"}
        self.assertEqual(self.cloud.enter("enroll", data, "u-alice").status, 403)
        path = "/projects/memberships?project=u-alice"
        [own] = self.cloud.call("GET", path, user="u-alice").json
        self.assertEqual(own["allowed_actions"], [])
        self.assertEqual(self.cloud.member_act(own["id"], "leave", "u-alice").status, 409)

    def test_what_of_it_changes(self) -> None:
        """Limits, by an administrator; its user applies for nothing."""
        asked = Asked(resources={VM: (4, 4)})
        self.cloud.write(control.modify, self.cloud.doing(), "u-alice", asked)
        view = self.cloud.shown("u-alice", "u-alice")
        self.assertEqual(view["resources"][VM]["project_capacity"], 4)
        answer = self.cloud.call("PUT", "/projects/u-alice", {"name": "a.bc"}, "u-admin")
        self.assertEqual(answer.status, 409)
        self.assertEqual(self.cloud.call("PUT", "/projects/u-alice", {}, "u-alice").status, 403)

    def test_all_at_once(self) -> None:
        """Limits of every personal project."""
        many = self.cloud.write(control.modify_personal, self.cloud.doing(), {VM: (6, 6)})
        self.assertEqual(many, 3)
        for user in ("u-alice", "u-bob"):
            self.assertEqual(self.cloud.shown(user)["resources"][VM]["project_capacity"], 6)

    def test_projects_of_before(self) -> None:
        """Active and private, without an end; known to administrators."""
        view = self.cloud.shown("p1")
        self.assertEqual((view["state"], view["name"], view["private"]), ("active", "one", True))
        self.assertIsNone(view["end_date"])

    def test_the_default_project_is_the_personal_one_again(self) -> None:
        """When the one that was chosen is left."""
        project_id = self.cloud.approved(join_policy="auto")
        number = self.cloud.joined(project_id)
        chosen = {"project_id": project_id}
        self.cloud.call("POST", "/myaccount/default_project", chosen, "u-bob")
        self.cloud.member_act(number, "leave", "u-bob")
        self.assertEqual(self.cloud.home("u-bob"), "u-bob")

    def test_applications_are_counted(self) -> None:
        """What waits is what is used."""
        self.cloud.applied()
        self.assertEqual(self.cloud.write(reconcile_resources, SERVICES), [])


class ExpiryTests(SynchronousTestCase):
    """Projects whose time is over."""

    def test_told_and_ended(self) -> None:
        """Terminated once, not before the time, and with a line in the audit log."""
        cloud = ProjectCloud(self)
        project_id = cloud.approved()
        cloud.write(ensure_accounts, True, 1)
        now = cloud.doing()
        line = Entry("account:terminate_project", "project", project_id)
        self.assertEqual(cloud.write(control.expired, now.now_us), [])
        self.assertFalse(cloud.write(control.end_expired, now, line))
        later = type(now)(now.actor, now.now_us + 3 * YEAR_US, 3600)
        [row] = cloud.write(control.expired, later.now_us)
        self.assertEqual(row.id, project_id)
        self.assertEqual(cloud.shown(project_id)["state"], "active")
        self.assertTrue(cloud.write(control.end_expired, later, line))
        self.assertEqual(cloud.shown(project_id)["state"], "terminated")
        self.assertFalse(cloud.write(control.end_expired, later, line))
        self.assertEqual(cloud.write(control.expired, later.now_us), [])


class FollowingTests(SynchronousTestCase):
    """Keystone's calls, and the records that follow."""

    def setUp(self) -> None:
        self.cloud: IdentityCloud = identity_cloud(self, follower=AccountFollower())
        self.admin = self.cloud.token("admin")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """An administrator's."""
        return self.cloud.ask(method, path, self.admin, body)

    def record(self, project_id: str) -> Any:
        """The project's."""
        with self.cloud.database.engine.connect() as connection:
            this = select(account_projects).where(account_projects.c.id == project_id)
            return connection.execute(this).first()

    def made_user(self) -> str:
        """By Keystone."""
        answer = self.call("POST", "/v3/users", {"user": {"name": "eve", "domain_id": "default"}})
        self.assertEqual(answer.code, 201, answer.body)
        user_id: str = answer.json["user"]["id"]
        return user_id

    def memberships(self, project_id: str) -> list[str]:
        """States."""
        with self.cloud.database.engine.connect() as connection:
            found = members.all_of(connection, project_id=project_id)
        return [one.state for one in found]

    def test_a_user(self) -> None:
        """Has the personal project from the start, with a role; both end together."""
        user_id = self.made_user()
        project = self.call("GET", f"/v3/projects/{user_id}").json["project"]
        self.assertEqual((project["name"], project["enabled"]), (f"system:{user_id}", True))
        own = self.call("GET", f"/v3/users/{user_id}/projects").json["projects"]
        self.assertEqual([one["id"] for one in own], [user_id])
        self.assertEqual(self.call("DELETE", f"/v3/users/{user_id}").code, 204)
        self.assertEqual(self.call("GET", f"/v3/projects/{user_id}").code, 404)
        self.assertEqual(self.record(user_id).state, "deleted")
        self.assertEqual(self.memberships(user_id), ["removed"])

    def test_a_user_whose_personal_project_has_others_below(self) -> None:
        """Stays, with all of it, and the answer names them; without them the user goes."""
        user_id = self.made_user()
        ids = []
        for name in ("attic", "cellar"):
            body = {"project": {"name": name, "parent_id": user_id, "domain_id": "default"}}
            made = self.call("POST", "/v3/projects", body)
            self.assertEqual(made.code, 201, made.body)
            ids.append(made.json["project"]["id"])
        refused = self.call("DELETE", f"/v3/users/{user_id}")
        self.assertEqual(refused.code, 409)
        for part in ("attic", "cellar", *ids, user_id):
            self.assertIn(part, refused.json["error"]["message"])
        self.assertEqual(self.call("GET", f"/v3/users/{user_id}").json["user"]["enabled"], True)
        self.assertEqual(self.record(user_id).state, "active")
        for project_id in ids:
            self.assertEqual(self.call("DELETE", f"/v3/projects/{project_id}").code, 204)
        self.assertEqual(self.call("DELETE", f"/v3/users/{user_id}").code, 204)

    def test_a_domain_goes_with_all_that_is_below(self) -> None:
        """Also with projects below personal ones."""
        body: dict[str, Any] = {"domain": {"name": "lab"}}
        domain = self.call("POST", "/v3/domains", body).json["domain"]["id"]
        body = {"user": {"name": "eve", "domain_id": domain}}
        user_id = self.call("POST", "/v3/users", body).json["user"]["id"]
        body = {"project": {"name": "attic", "parent_id": user_id, "domain_id": domain}}
        below = self.call("POST", "/v3/projects", body).json["project"]["id"]
        self.call("PATCH", f"/v3/domains/{domain}", {"domain": {"enabled": False}})
        answer = self.call("DELETE", f"/v3/domains/{domain}")
        self.assertEqual(answer.code, 204, answer.body)
        self.assertEqual([self.record(one).state for one in (user_id, below)], ["deleted"] * 2)

    def test_a_user_who_was_never_enabled(self) -> None:
        """Has no personal project until then."""
        given = {"name": "eve", "domain_id": "default", "enabled": False}
        user_id = self.call("POST", "/v3/users", {"user": given}).json["user"]["id"]
        self.cloud.write(ensure_accounts, True, 1)
        self.assertEqual(self.call("GET", f"/v3/projects/{user_id}").code, 404)
        self.call("PATCH", f"/v3/users/{user_id}", {"user": {"enabled": True}})
        project = self.call("GET", f"/v3/projects/{user_id}").json["project"]
        self.assertEqual((project["name"], project["enabled"]), (f"system:{user_id}", True))
        self.assertEqual(self.memberships(user_id), ["accepted"])

    def test_a_user_is_disabled_and_enabled(self) -> None:
        """The personal project and the memberships rest meanwhile."""
        user_id = self.made_user()
        for enabled, state, place in (
            (False, "suspended", "suspended"),
            (True, "active", "accepted"),
        ):
            self.call("PATCH", f"/v3/users/{user_id}", {"user": {"enabled": enabled}})
            self.assertEqual(self.record(user_id).state, state)
            self.assertEqual(self.memberships(user_id), [place])
            project = self.call("GET", f"/v3/projects/{user_id}").json["project"]
            self.assertEqual(project["enabled"], enabled)

    def test_a_project(self) -> None:
        """Its record has its maker as owner, its name, and its state; its limits rest too."""
        body = {"project": {"name": "made", "domain_id": "default"}}
        project_id = self.call("POST", "/v3/projects", body).json["project"]["id"]
        row = self.record(project_id)
        self.assertEqual((row.state, row.owner_id, row.private), ("active", "u-admin", True))
        change = {"project": {"name": "renamed", "enabled": False}}
        self.call("PATCH", f"/v3/projects/{project_id}", change)
        row = self.record(project_id)
        self.assertEqual((row.state, row.name), ("suspended", "renamed"))
        with self.cloud.database.engine.connect() as connection:
            self.assertEqual(holdings.held(connection, project_id)[VM].limit, 0)
        self.call("PATCH", f"/v3/projects/{project_id}", {"project": {"enabled": True}})
        with self.cloud.database.engine.connect() as connection:
            self.assertEqual(holdings.held(connection, project_id)[VM].limit, 20)
        self.call("DELETE", f"/v3/projects/{project_id}")
        self.assertEqual(self.record(project_id).state, "deleted")

    def test_a_domain(self) -> None:
        """Its users' and its own projects end with it."""
        body = {"domain": {"name": "d"}}
        domain_id = self.call("POST", "/v3/domains", body).json["domain"]["id"]
        user = {"user": {"name": "eve", "domain_id": domain_id}}
        user_id = self.call("POST", "/v3/users", user).json["user"]["id"]
        project = {"project": {"name": "made", "domain_id": domain_id}}
        project_id = self.call("POST", "/v3/projects", project).json["project"]["id"]
        self.assertEqual(self.call("DELETE", f"/v3/domains/{domain_id}").code, 403)
        self.assertEqual(self.record(user_id).state, "active")
        self.call("PATCH", f"/v3/domains/{domain_id}", {"domain": {"enabled": False}})
        self.assertEqual(self.call("DELETE", f"/v3/domains/{domain_id}").code, 204)
        self.assertEqual(self.record(user_id).state, "deleted")
        self.assertEqual(self.record(project_id).state, "deleted")

    def test_many_are_listed_by_few_statements(self) -> None:
        """As many for a hundred projects as for one."""
        counts = []
        for many in (1, 100):
            for number in range(many):
                body = {"project": {"name": f"{many}-{number}", "domain_id": "default"}}
                self.call("POST", "/v3/projects", body)
            counts.append(self._statements())
        self.assertEqual(*counts)

    def _statements(self) -> int:
        seen: list[str] = []

        def note(_c: Any, _u: Any, text: str, *_rest: Any) -> None:
            seen.append(text)

        engine = self.cloud.database.engine
        event.listen(engine, "before_cursor_execute", note)
        with engine.connect() as connection:
            actor = Actor("u-admin", "default", is_admin=True)
            lists.projects(connection, actor, lists.Wanted())
        event.remove(engine, "before_cursor_execute", note)
        return len(seen)
