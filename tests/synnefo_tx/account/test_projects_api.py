"""
Projects in Synnefo's wire format: applied for, answered, shown, modified, put to rest.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.account.rows.records import transitions
from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import PENDING_APP, VM
from synnefo_tx.quota.rows import holdings
from tests.synnefo_tx.account.project_cloud import ASKED, ProjectCloud

INFINITE = 2**63 - 1


class ApplicationTests(SynchronousTestCase):
    """From the wish to the project."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)

    def test_before_the_answer(self) -> None:
        """The project is shown to its owner only, with the application; Keystone has none."""
        project_id, application = self.cloud.applied()
        view = self.cloud.shown(project_id, "u-alice")
        self.assertEqual(view["state"], "uninitialized")
        self.assertEqual(view["last_application"]["id"], application)
        self.assertEqual(view["last_application"]["state"], "pending")
        self.assertEqual(view["last_application"]["applicant"], "u-alice")
        self.assertEqual(
            self.cloud.call("GET", f"/projects/{project_id}", user="u-bob").status, 404
        )
        self.assertEqual(self.cloud.roles("u-alice", project_id), [])

    def test_approved(self) -> None:
        """It is active, its owner a member with the role, and the limits are those asked for."""
        project_id = self.cloud.approved()
        view = self.cloud.shown(project_id, "u-alice")
        self.assertEqual(view["state"], "active")
        self.assertEqual(view["name"], "lab.example.org")
        self.assertEqual(view["owner"], "u-alice")
        self.assertEqual(view["end_date"], "2027-01-01T00:00:00.000000+00:00")
        self.assertEqual(view["max_members"], INFINITE)
        self.assertEqual((view["join_policy"], view["leave_policy"]), ("moderated", "auto"))
        self.assertEqual(
            view["resources"]["cyclades.vm"], {"member_capacity": 2, "project_capacity": 5}
        )
        self.assertEqual(view["last_application"]["state"], "approved")
        self.assertEqual(self.cloud.roles("u-alice", project_id), ["member"])
        quotas = self.cloud.call("GET", "/quotas", user="u-alice").json[project_id]["cyclades.vm"]
        self.assertEqual((quotas["limit"], quotas["project_limit"]), (2, 5))

    def test_only_administrators_answer(self) -> None:
        """Neither the applicant nor anybody else."""
        project_id, application = self.cloud.applied()
        for action in ("approve", "deny"):
            for user in ("u-alice", "u-bob"):
                answer = self.cloud.act(project_id, action, {"app_id": application}, user)
                self.assertEqual(answer.status, 403)
        self.assertEqual(self.cloud.shown(project_id)["state"], "uninitialized")

    def test_denied_and_dismissed(self) -> None:
        """A denied application is dismissed by its applicant, and the project is gone."""
        project_id, application = self.cloud.applied()
        told = {"app_id": application, "reason": "no room"}
        self.assertEqual(self.cloud.act(project_id, "deny", told).status, 200)
        self.assertEqual(self.cloud.act(project_id, "approve", told).status, 409)
        self.assertEqual(self.cloud.act(project_id, "dismiss", told, "u-bob").status, 403)
        self.assertEqual(self.cloud.act(project_id, "dismiss", told, "u-alice").status, 200)
        self.assertEqual(self.cloud.shown(project_id)["state"], "deleted")

    def test_cancelled(self) -> None:
        """By its applicant, once."""
        project_id, application = self.cloud.applied()
        told = {"app_id": application}
        self.assertEqual(self.cloud.act(project_id, "cancel", told, "u-alice").status, 200)
        again = self.cloud.act(project_id, "cancel", told, "u-alice")
        self.assertEqual(again.status, 409)
        self.assertIn("conflict", again.json)
        self.assertEqual(self.cloud.shown(project_id)["state"], "deleted")

    def test_another_projects_application(self) -> None:
        """An application is answered where it belongs."""
        first, _ = self.cloud.applied()
        _, other = self.cloud.applied(name="other.example.org")
        answer = self.cloud.act(first, "approve", {"app_id": other})
        self.assertEqual(answer.status, 409)
        self.assertIn("is not a pending application", answer.json["conflict"]["message"])
        self.assertEqual(self.cloud.act(first, "approve", {"app_id": 999}).status, 404)

    def test_as_many_as_may_wait(self) -> None:
        """Three by default; what is answered makes room; administrators are let through."""
        for number in range(3):
            _, application = self.cloud.applied(name=f"n{number}.example.org")
        answer = self.cloud.call("POST", "/projects", ASKED, "u-alice")
        self.assertEqual(answer.status, 409)
        self.assertIn("pending project applications: 3", answer.json["conflict"]["message"])
        self.cloud.call("POST", "/projects", ASKED, "u-bob")
        for _ in range(5):
            self.assertEqual(self.cloud.call("POST", "/projects", ASKED, "u-admin").status, 201)
        project_id = self.cloud.call("GET", "/projects?name=n2.example.org", user="u-alice")
        told = {"app_id": application}
        self.cloud.act(project_id.json[0]["id"], "deny", told)
        self.assertEqual(self.cloud.call("POST", "/projects", ASKED, "u-alice").status, 201)
        with self.cloud.database.engine.connect() as connection:
            held = holdings.held_by(connection, Payer("u-alice", "u-alice"), [PENDING_APP])
        self.assertEqual(held[PENDING_APP].used, 3)

    def test_a_name_that_is_taken(self) -> None:
        """Two may be applied for, one be approved; the other stays as it was."""
        self.cloud.approved()
        project_id, application = self.cloud.applied()
        answer = self.cloud.act(project_id, "approve", {"app_id": application})
        self.assertEqual(answer.status, 409)
        self.assertIn("already exists", answer.json["conflict"]["message"])
        view = self.cloud.shown(project_id)
        self.assertEqual(view["last_application"]["state"], "pending")

    def test_bad_bodies(self) -> None:
        """Each is refused in Synnefo's words."""
        cloud = self.cloud
        capacity = {"member_capacity": 2, "project_capacity": 1}
        for changes, message in (
            ({"name": None}, "Name missing."),
            ({"name": "nodots"}, "domain format"),
            ({"name": f"{'a.' * 40}org"}, "exceeds max length 80"),
            ({"end_date": None}, "Missing end date"),
            ({"end_date": "then"}, "Invalid end_date"),
            ({"end_date": "2001-01-01"}, "must be in the future"),
            ({"join_policy": "maybe"}, "Invalid join policy"),
            ({"leave_policy": []}, "Invalid leave policy"),
            ({"max_members": -1}, "Invalid max_members"),
            ({"max_members": True}, "Invalid max_members"),
            ({"private": "yes"}, "private must be boolean"),
            ({"homepage": 5}, "homepage must be string"),
            ({"description": "x" * 4097}, "exceeds max length 4096"),
            ({"owner": "nobody"}, "User does not exist."),
            ({"resources": []}, "Malformed resource policies"),
            ({"resources": {"no.such": capacity | {"member_capacity": 1}}}, "Malformed"),
            ({"resources": {"cyclades.vm": 5}}, "Malformed"),
            ({"resources": {"cyclades.vm": capacity}}, "less than member limit"),
            ({"resources": {"cyclades.vm": capacity | {"member_capacity": -1}}}, "Negative"),
            ({"resources": {"cyclades.vm": capacity | {"project_capacity": 2**63}}}, "exceeds"),
        ):
            answer = cloud.call("POST", "/projects", ASKED | changes, "u-alice")
            self.assertEqual(answer.status, 400, changes)
            self.assertIn(message, answer.json["badRequest"]["message"])

    def test_bad_actions(self) -> None:
        """One that is known, and one only."""
        project_id, application = self.cloud.applied()
        path = f"/projects/{project_id}/action"
        for body, message in (
            ({}, "No recognized action"),
            ({"explode": {}}, "No recognized action"),
            ({"suspend": {}, "terminate": {}}, "Multiple actions not supported"),
            ({"approve": {}}, "app_id should be an integer."),
            ({"approve": {"app_id": "x"}}, "app_id should be an integer."),
            ({"deny": {"app_id": application, "reason": 5}}, "reason must be string"),
        ):
            answer = self.cloud.call("POST", path, body, "u-admin")
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.json["badRequest"]["message"], message)


class ModificationTests(SynchronousTestCase):
    """Applications for changes."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)
        self.project_id = self.cloud.approved()

    def modified(self, body: Any, user: str = "u-alice") -> Any:
        """The answer to PUT."""
        return self.cloud.call("PUT", f"/projects/{self.project_id}", body, user)

    def test_it_holds_when_it_is_approved(self) -> None:
        """And what it leaves out stays."""
        capacity = {"cyclades.vm": {"member_capacity": 7, "project_capacity": INFINITE}}
        answer = self.modified({"description": "Bigger", "resources": capacity})
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.cloud.shown(self.project_id)["description"], "The lab")
        self.cloud.act(self.project_id, "approve", {"app_id": answer.json["application"]})
        view = self.cloud.shown(self.project_id)
        self.assertEqual((view["description"], view["name"]), ("Bigger", "lab.example.org"))
        self.assertEqual(
            view["resources"]["cyclades.vm"], {"member_capacity": 7, "project_capacity": INFINITE}
        )

    def test_the_later_replaces_the_earlier(self) -> None:
        """The first can't be approved any more, and waits no longer."""
        first = self.modified({"private": True}).json["application"]
        second = self.modified({"private": False}).json["application"]
        self.assertEqual(self.cloud.act(self.project_id, "approve", {"app_id": first}).status, 409)
        self.assertEqual(self.cloud.act(self.project_id, "approve", {"app_id": second}).status, 200)
        with self.cloud.database.engine.connect() as connection:
            held = holdings.held_by(connection, Payer("u-alice", "u-alice"), [PENDING_APP])
        self.assertEqual(held[PENDING_APP].used, 0)

    def test_only_its_owner_asks(self) -> None:
        """Others are refused; who may not see it, learns nothing."""
        self.assertEqual(self.modified({"private": True}, "u-bob").status, 403)
        number = self.modified({"private": True}).json["application"]
        self.cloud.act(self.project_id, "approve", {"app_id": number})
        self.assertEqual(self.modified({"private": False}, "u-bob").status, 404)

    def test_not_before_it_is_there(self) -> None:
        """What is only applied for can't be modified."""
        project_id, _ = self.cloud.applied(name="new.example.org")
        answer = self.cloud.call("PUT", f"/projects/{project_id}", {"private": True}, "u-alice")
        self.assertEqual(answer.status, 409)
        self.assertEqual(
            answer.json["conflict"]["message"], "Cannot modify an uninitialized project."
        )

    def test_a_new_owner(self) -> None:
        """Is a member too, and may do what the old one may not any more."""
        number = self.modified({"owner": "u-bob"}).json["application"]
        self.cloud.act(self.project_id, "approve", {"app_id": number})
        self.assertEqual(self.cloud.roles("u-bob", self.project_id), ["member"])
        self.assertEqual(self.modified({"private": True}, "u-alice").status, 403)
        self.assertEqual(self.modified({"private": True}, "u-bob").status, 201)


class RestTests(SynchronousTestCase):
    """Suspended, terminated, woken."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)
        self.project_id = self.cloud.approved()
        self.payer = Payer("u-alice", self.project_id)

    def take(self) -> None:
        """One server."""
        self.cloud.write(holdings.take, self.payer, {VM: 1})

    def refuse(self) -> None:
        """No further server."""
        waiting = Deferred.fromCoroutine(
            self.cloud.database.write(holdings.take, self.payer, {VM: 1})
        )
        self.failureResultOf(waiting, Exceeded)

    def test_limits_follow(self) -> None:
        """None while it rests, though what is used stays; the old ones after."""
        self.take()
        for rest, wake, state in (
            ("suspend", "unsuspend", "suspended"),
            ("terminate", "reinstate", "terminated"),
        ):
            self.assertEqual(self.cloud.act(self.project_id, rest, {"reason": "x"}).status, 200)
            view = self.cloud.shown(self.project_id, "u-alice")
            self.assertEqual(view["state"], state)
            self.assertIn("deactivation_date", view)
            self.assertEqual(view["resources"]["cyclades.vm"]["project_capacity"], 5)
            self.refuse()
            with self.cloud.database.engine.connect() as connection:
                held = holdings.held(connection, self.project_id)
            self.assertEqual({one.limit for one in held.values()}, {0})
            self.assertEqual(held[VM].used, 1)
            self.assertEqual(self.cloud.act(self.project_id, wake).status, 200)
            self.assertNotIn("deactivation_date", self.cloud.shown(self.project_id))
        self.take()
        self.refuse()

    def test_tokens_end(self) -> None:
        """Those scoped to the project, in the same transaction."""
        self.cloud.act(self.project_id, "suspend")
        self.assertIn(self.project_id, self.cloud.revoked())
        self.assertGreater(self.cloud.looked, 0)

    def test_wrong_states(self) -> None:
        """Each action from its states only."""
        for action, status in (
            ("unsuspend", 409),
            ("reinstate", 409),
            ("suspend", 200),
            ("suspend", 409),
            ("terminate", 200),
            ("unsuspend", 409),
            ("terminate", 409),
            ("reinstate", 200),
        ):
            self.assertEqual(self.cloud.act(self.project_id, action).status, status, action)

    def test_only_administrators(self) -> None:
        """Not the owner."""
        for action in ("suspend", "unsuspend", "terminate", "reinstate"):
            answer = self.cloud.act(self.project_id, action, user="u-alice")
            self.assertEqual(answer.status, 403)
        self.assertEqual(self.cloud.act("nowhere", "suspend").status, 404)
        # Nobody learns from it what is there.
        self.assertEqual(self.cloud.act("nowhere", "suspend", user="u-alice").status, 403)
        answer = self.cloud.act("nowhere", "approve", {"app_id": 99}, "u-alice")
        self.assertEqual(answer.status, 403)

    def test_the_log(self) -> None:
        """Every transition, by whom and why."""
        self.cloud.act(self.project_id, "suspend", {"reason": "dust"})
        with self.cloud.database.engine.connect() as connection:
            rows = transitions(connection, self.project_id)
        self.assertEqual(
            [(row.from_state, row.to_state, row.actor_id, row.reason) for row in rows],
            [
                (None, "uninitialized", "u-alice", ""),
                ("uninitialized", "active", "u-admin", ""),
                ("active", "suspended", "u-admin", "dust"),
            ],
        )

    def test_modified_while_it_rests(self) -> None:
        """An approved modification wakes it, with the limits asked for."""
        self.cloud.act(self.project_id, "terminate")
        capacity = {"cyclades.vm": {"member_capacity": 9, "project_capacity": 9}}
        path = f"/projects/{self.project_id}"
        answer = self.cloud.call("PUT", path, {"resources": capacity}, "u-alice")
        self.cloud.act(self.project_id, "approve", {"app_id": answer.json["application"]})
        self.assertEqual(self.cloud.shown(self.project_id)["state"], "active")
        with self.cloud.database.engine.connect() as connection:
            held = holdings.held(connection, self.project_id)
        self.assertEqual(held[VM].limit, 9)


class ListTests(SynchronousTestCase):
    """Who sees which."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)
        self.public = self.cloud.approved()
        self.private = self.cloud.approved(name="secret.example.org", private=True)
        self.applied, _ = self.cloud.applied(name="wish.example.org")

    def ids(self, query: str = "", user: str = "u-bob") -> set[str]:
        """Of the list."""
        answer = self.cloud.call("GET", f"/projects{query}", user=user)
        self.assertEqual(answer.status, 200, answer.body)
        return {one["id"] for one in answer.json}

    def test_strangers(self) -> None:
        """The public ones that are active, without their applications."""
        self.assertEqual(self.ids(), {self.public})
        [view] = self.cloud.call("GET", "/projects", user="u-bob").json
        self.assertNotIn("last_application", view)

    def test_owners_and_administrators(self) -> None:
        """Everything of their own; everything."""
        everything = {self.public, self.private, self.applied}
        self.assertEqual(self.ids(user="u-alice"), everything)
        self.assertEqual(self.ids(user="u-admin"), everything)

    def test_modes(self) -> None:
        """As a member, related, active."""
        self.assertEqual(self.ids("?mode=member"), set())
        self.assertEqual(self.ids("?mode=member", "u-alice"), {self.public, self.private})
        self.assertEqual(self.ids("?mode=related"), set())
        self.assertEqual(self.ids("?mode=active"), {self.public})
        self.assertEqual(self.cloud.call("GET", "/projects?mode=odd").status, 400)

    def test_filters(self) -> None:
        """By state, owner and name."""
        self.assertEqual(self.ids("?state=uninitialized", "u-alice"), {self.applied})
        self.assertEqual(
            self.ids("?state=active&name=secret.example.org", "u-admin"), {self.private}
        )
        self.assertEqual(self.ids("?owner=u-bob", "u-admin"), set())
        self.assertEqual(self.cloud.call("GET", "/projects?state=odd").status, 400)

    def test_pages(self) -> None:
        """By the id of the last one."""
        seen: list[str] = []
        for _ in range(3):
            query = f"?limit=1{f'&marker={seen[-1]}' if seen else ''}"
            [one] = self.cloud.call("GET", f"/projects{query}", user="u-admin").json
            seen.append(one["id"])
        self.assertEqual(seen, sorted({self.public, self.private, self.applied}))
