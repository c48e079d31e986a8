"""
Memberships in Synnefo's wire format: joining and leaving, letting in and out.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.rows.tables import users
from tests.synnefo_tx.account.project_cloud import ProjectCloud


class JoinTests(SynchronousTestCase):
    """Into a project."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)

    def test_moderated(self) -> None:
        """A request, without any right, until the owner accepts."""
        project_id = self.cloud.approved()
        number = self.cloud.joined(project_id)
        self.assertEqual(self.cloud.member(number, "u-bob")["state"], "requested")
        self.assertEqual(self.cloud.roles("u-bob", project_id), [])
        self.assertEqual(self.cloud.member(number, "u-bob")["allowed_actions"], ["cancel"])
        self.assertEqual(
            self.cloud.member(number, "u-alice")["allowed_actions"], ["accept", "reject"]
        )
        self.assertEqual(self.cloud.member_act(number, "accept", "u-bob").status, 403)
        self.assertEqual(self.cloud.member_act(number, "accept", "u-alice").status, 200)
        view = self.cloud.member(number, "u-bob")
        self.assertEqual((view["state"], view["allowed_actions"]), ("accepted", ["leave"]))
        self.assertTrue(view["accepted"].endswith("+00:00"))
        self.assertIn("requested", view)
        self.assertEqual(self.cloud.roles("u-bob", project_id), ["member"])

    def test_automatic(self) -> None:
        """In at once."""
        project_id = self.cloud.approved(join_policy="auto")
        number = self.cloud.joined(project_id)
        self.assertEqual(self.cloud.member(number)["state"], "accepted")
        self.assertEqual(self.cloud.roles("u-bob", project_id), ["member"])
        quotas = self.cloud.call("GET", "/quotas", user="u-bob").json[project_id]["cyclades.vm"]
        self.assertEqual((quotas["limit"], quotas["project_limit"]), (2, 5))

    def test_closed(self) -> None:
        """Nobody asks, nobody is enrolled."""
        project_id = self.cloud.approved(join_policy="closed")
        for what, data, user in (
            ("join", {"project": project_id}, "u-bob"),
            ("enroll", {"project": project_id, "user": "bob"}, "u-alice"),
        ):
            answer = self.cloud.enter(what, data, user)
            self.assertEqual(answer.status, 409)
            self.assertIn("join policy is closed", answer.json["conflict"]["message"])

    def test_twice(self) -> None:
        """Who is in, or has asked, can't ask again; who was refused can."""
        project_id = self.cloud.approved()
        number = self.cloud.joined(project_id)
        again = self.cloud.enter("join", {"project": project_id}, "u-bob")
        self.assertEqual(again.status, 409)
        self.cloud.member_act(number, "reject", "u-alice")
        self.assertEqual(self.cloud.joined(project_id), number)

    def test_enrolled(self) -> None:
        """By name, unasked; only by who lets in."""
        project_id = self.cloud.approved()
        data = {"project": project_id, "user": "bob"}
        self.assertEqual(self.cloud.enter("enroll", data, "u-bob").status, 403)
        answer = self.cloud.enter("enroll", data, "u-alice")
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.cloud.member(answer.json["id"])["state"], "accepted")
        self.assertEqual(self.cloud.roles("u-bob", project_id), ["member"])
        self.assertEqual(self.cloud.enter("enroll", data, "u-alice").status, 409)
        unknown = self.cloud.enter("enroll", data | {"user": "nobody"}, "u-alice")
        self.assertEqual(unknown.json["conflict"]["message"], "Unknown users: nobody")

    def test_as_many_as_may_be(self) -> None:
        """The owner is one of two; the third waits though it is automatic, and isn't accepted."""
        project_id = self.cloud.approved(join_policy="auto", max_members=2)
        self.cloud.joined(project_id)
        number = self.cloud.joined(project_id, "u-admin")
        self.assertEqual(self.cloud.member(number)["state"], "requested")
        answer = self.cloud.member_act(number, "accept", "u-alice")
        self.assertEqual(answer.status, 409)
        self.assertIn("maximum number of members", answer.json["conflict"]["message"])

    def test_a_private_project(self) -> None:
        """Is not there for who doesn't know of it; its owner enrolls."""
        project_id = self.cloud.approved(private=True)
        join = self.cloud.enter("join", {"project": project_id}, "u-bob")
        nowhere = self.cloud.enter("join", {"project": "nowhere"}, "u-bob")
        self.assertEqual((join.status, nowhere.status), (404, 404))
        self.cloud.enter("enroll", {"project": project_id, "user": "bob"}, "u-alice")
        self.assertEqual(self.cloud.shown(project_id, "u-bob")["id"], project_id)

    def test_one_that_rests(self) -> None:
        """While it is suspended members may be let in; not when it is terminated."""
        project_id = self.cloud.approved()
        number = self.cloud.joined(project_id)
        self.cloud.act(project_id, "terminate")
        self.assertEqual(self.cloud.member_act(number, "accept", "u-alice").status, 409)
        self.assertEqual(self.cloud.member(number, "u-alice")["allowed_actions"], [])

    def test_bad_bodies(self) -> None:
        """Each named."""
        for body in ({}, {"join": {}}, {"join": 5}, {"enroll": {"project": "p"}}, {"leap": {}}):
            self.assertEqual(
                self.cloud.call("POST", "/projects/memberships", body, "u-bob").status, 400
            )
        answer = self.cloud.call("POST", "/projects/memberships/x/action", {"leave": ""}, "u-bob")
        self.assertEqual(answer.status, 400)
        answer = self.cloud.call("POST", "/projects/memberships/77/action", {"leave": ""}, "u-bob")
        self.assertEqual(answer.status, 404)


class LeaveTests(SynchronousTestCase):
    """Out of a project."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)

    def member_of(self, **asked: Any) -> tuple[str, int]:
        """Bob's, of a project that lets anybody in."""
        project_id = self.cloud.approved(join_policy="auto", **asked)
        return project_id, self.cloud.joined(project_id)

    def test_at_once(self) -> None:
        """The role goes, the tokens for the project end, and only those."""
        project_id, number = self.member_of()
        self.assertEqual(self.cloud.member_act(number, "leave", "u-bob", "bored").status, 200)
        self.assertEqual(self.cloud.member(number)["state"], "removed")
        self.assertEqual(self.cloud.roles("u-bob", project_id), [])
        self.assertEqual(self.cloud.revoked(), [f"u-bob/{project_id}"])

    def test_moderated(self) -> None:
        """Asked for; the owner lets go, and the member has the role until then."""
        project_id, number = self.member_of(leave_policy="moderated")
        self.cloud.member_act(number, "leave", "u-bob")
        self.assertEqual(self.cloud.member(number)["state"], "leave_requested")
        self.assertEqual(self.cloud.roles("u-bob", project_id), ["member"])
        self.assertEqual(self.cloud.member_act(number, "remove", "u-alice").status, 200)
        self.assertEqual(self.cloud.roles("u-bob", project_id), [])

    def test_closed(self) -> None:
        """Nobody leaves, nobody is removed."""
        _, number = self.member_of(leave_policy="closed")
        for action, user in (("leave", "u-bob"), ("remove", "u-alice")):
            self.assertEqual(self.cloud.member_act(number, action, user).status, 409)

    def test_nobody_is_removed_by_others(self) -> None:
        """A member removes nobody, and leaves for nobody."""
        project_id, number = self.member_of()
        mine = self.cloud.call("GET", f"/projects/memberships?project={project_id}", user="u-alice")
        owners = next(one["id"] for one in mine.json if one["user"] == "u-alice")
        self.assertEqual(self.cloud.member_act(owners, "remove", "u-bob").status, 404)
        self.assertEqual(self.cloud.member_act(number, "leave", "u-alice").status, 403)

    def test_the_default_project(self) -> None:
        """Who worked there by default doesn't any more."""
        project_id, number = self.member_of()
        chosen = {"project_id": project_id}
        path = "/myaccount/default_project"
        self.assertEqual(self.cloud.call("POST", path, chosen, "u-bob").status, 200)
        self.assertEqual(self.cloud.home("u-bob"), project_id)
        self.assertEqual(self.cloud.call("POST", path, {"project_id": "p1"}, "u-bob").status, 404)
        self.cloud.member_act(number, "leave", "u-bob")
        self.assertIsNone(self.cloud.home("u-bob"))
        self.assertEqual(self.cloud.call("POST", path, chosen, "u-bob").status, 404)


class ModeratorTests(SynchronousTestCase):
    """Members who let others in and out."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)
        self.project_id = self.cloud.approved(join_policy="moderated")
        self.number = self.cloud.joined(self.project_id)
        self.cloud.member_act(self.number, "accept", "u-alice")

    def test_appointed_by_the_owner(self) -> None:
        """Then the member accepts requests, appoints nobody, and owns nothing."""
        request = self.cloud.joined(self.project_id, "u-admin")
        self.assertEqual(self.cloud.member_act(request, "accept", "u-bob").status, 404)
        self.assertEqual(self.cloud.member_act(self.number, "promote", "u-bob").status, 403)
        self.assertEqual(self.cloud.member_act(self.number, "promote", "u-alice").status, 200)
        self.assertTrue(self.cloud.member(self.number)["moderator"])
        self.assertEqual(self.cloud.member_act(request, "accept", "u-bob").status, 200)
        self.assertEqual(self.cloud.member_act(request, "promote", "u-bob").status, 403)
        self.assertEqual(
            self.cloud.call("PUT", f"/projects/{self.project_id}", {}, "u-bob").status, 403
        )

    def test_it_ends_with_membership(self) -> None:
        """Who comes again is an ordinary member."""
        self.cloud.member_act(self.number, "promote", "u-alice")
        self.cloud.member_act(self.number, "leave", "u-bob")
        data = {"project": self.project_id, "user": "bob"}
        self.cloud.enter("enroll", data, "u-alice")
        self.assertFalse(self.cloud.member(self.number)["moderator"])


class ListTests(SynchronousTestCase):
    """Who sees which."""

    make_cloud = ProjectCloud

    def test_own_and_owned(self) -> None:
        """The owner's, the member's, nobody else's; pages by id."""
        cloud = self.make_cloud(self)
        project_id = cloud.approved(join_policy="auto")
        number = cloud.joined(project_id)
        for user, seen in (("u-alice", 2), ("u-bob", 1), ("u-cyclades", 0), ("u-admin", 2)):
            answer = cloud.call("GET", f"/projects/memberships?project={project_id}", user=user)
            self.assertEqual(len(answer.json), seen, user)
        self.assertEqual(
            cloud.call("GET", "/projects/memberships?project=p", user="u-bob").json, []
        )
        page = cloud.call("GET", "/projects/memberships?limit=1", user="u-alice").json
        rest = cloud.call("GET", f"/projects/memberships?marker={page[0]['id']}", user="u-alice")
        self.assertEqual([one["id"] for one in rest.json], [number])
        answer = cloud.call("GET", f"/projects/memberships/{number}", user="u-cyclades")
        self.assertEqual(answer.status, 404)


class NoticeTests(SynchronousTestCase):
    """Whom is told what."""

    def test_of_a_project_and_its_members(self) -> None:
        """In the order of what happens."""
        cloud = ProjectCloud(self)
        project_id = cloud.approved()
        number = cloud.joined(project_id)
        cloud.member_act(number, "accept", "u-alice")
        cloud.act(project_id, "suspend", {"reason": "dust"})
        self.assertEqual(
            cloud.kinds(),
            [
                "application-submitted",
                "application-approved",
                "join-requested",
                "member-accepted",
                "project-suspended",
            ],
        )
        to = [(one.user_ids, one.to_admins) for one in cloud.notifier.notices]
        owner = (("u-alice",), False)
        self.assertEqual(to, [((), True), owner, owner, (("u-bob",), False), owner])
        self.assertEqual(cloud.notifier.notices[-1].details["reason"], "dust")

    def test_feedback(self) -> None:
        """Goes to the administrators."""
        cloud = ProjectCloud(self)
        form = b"feedback_msg=It+is+slow&feedback_data=x"
        media = "application/x-www-form-urlencoded"
        self.assertEqual(cloud.call("POST", "/feedback", form, "u-bob", media).status, 200)
        [notice] = cloud.notifier.notices
        self.assertEqual(notice.details["message"], "It is slow")
        self.assertEqual(cloud.call("POST", "/feedback", b"", "u-bob", media).status, 400)

    def test_feedback_is_slowed_down(self) -> None:
        """Each is a letter; nobody's keeps others from theirs."""
        cloud = ProjectCloud(self)
        media = "application/x-www-form-urlencoded"
        form = b"feedback_msg=slow"
        codes = [cloud.call("POST", "/feedback", form, "u-bob", media).status for _ in range(6)]
        self.assertEqual(codes, [200] * 5 + [429])
        self.assertEqual(cloud.call("POST", "/feedback", form, "u-alice", media).status, 200)
        self.assertEqual(len(cloud.notifier.notices), 6)


class CatalogTests(SynchronousTestCase):
    """Names and ids of users."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)

    def test_both_ways(self) -> None:
        """What is not there is left out."""
        body = {"uuids": ["u-alice", "nobody"], "displaynames": ["bob", "x"]}
        self.assertEqual(
            self.cloud.call("POST", "/user_catalogs", body, "u-bob").json,
            {"uuid_catalog": {"u-alice": "alice"}, "displayname_catalog": {"bob": "u-bob"}},
        )

    def test_everybody_for_services_only(self) -> None:
        """Null is all users for a service, none for a user."""
        body = {"uuids": None, "displaynames": []}
        path = "/service/user_catalogs"
        self.assertEqual(self.cloud.call("POST", path, body, "u-bob").status, 403)
        found = self.cloud.call("POST", path, body, "u-cyclades").json["uuid_catalog"]
        self.assertEqual(found["u-bob"], "bob")
        self.assertEqual(
            self.cloud.call("POST", "/user_catalogs", body, "u-bob").json["uuid_catalog"], {}
        )

    def test_other_domains(self) -> None:
        """A user sees the users of the own domain."""
        with self.cloud.database.engine.begin() as connection:
            this = update(users).where(users.c.id == "u-alice")
            connection.execute(this.values(domain_id="other"))
        body = {"uuids": ["u-alice"]}
        answer = self.cloud.call("POST", "/user_catalogs", body, "u-bob")
        self.assertEqual(answer.json["uuid_catalog"], {})

    def test_bad_lists(self) -> None:
        """Texts in lists."""
        for body in ({"uuids": "u"}, {"displaynames": [5]}):
            self.assertEqual(self.cloud.call("POST", "/user_catalogs", body, "u-bob").status, 400)
