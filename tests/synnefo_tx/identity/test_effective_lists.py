"""
/v3/role_assignments?effective: what works, whoever gave it.
"""

from __future__ import annotations

from tests.synnefo_tx.identity.asking import AskingCase

BASE = "http://cloud.test/identity/v3"


class EffectiveTests(AskingCase):
    def setUp(self) -> None:
        super().setUp()
        self.group = self.make("group", name="crew")["id"]
        self.ask("PUT", f"/groups/{self.group}/users/u-bob")

    def found(self, query: str) -> set[tuple[str, str, str]]:
        answer = self.ask("GET", f"/role_assignments?effective&{query}")
        self.assertEqual(answer.code, 200, answer.body)
        return {
            (one["user"]["id"], one["scope"]["project"]["id"], one["role"]["id"])
            for one in answer.json["role_assignments"]
            if "project" in one["scope"]
        }

    def test_members_have_what_the_group_has(self) -> None:
        self.ask("PUT", f"/projects/p1/groups/{self.group}/roles/role-member")
        self.assertEqual(
            self.found("user.id=u-bob"),
            {("u-bob", "p2", "role-reader"), ("u-bob", "p1", "role-member")},
        )
        self.assertIn(("u-bob", "p1", "role-member"), self.found("scope.project.id=p1"))
        answer = self.ask("GET", "/role_assignments?effective&role.id=role-member&user.id=u-bob")
        self.assertEqual(
            answer.json["role_assignments"][0]["links"],
            {
                "assignment": f"{BASE}/projects/p1/groups/{self.group}/roles/role-member",
                "membership": f"{BASE}/groups/{self.group}/users/u-bob",
            },
        )

    def test_what_is_inherited_holds_below(self) -> None:
        child = self.make("project", name="child", parent_id="p1")["id"]
        below = "roles/role-member/inherited_to_projects"
        self.ask("PUT", f"/OS-INHERIT/projects/p1/users/u-bob/{below}")
        self.ask("PUT", f"/OS-INHERIT/domains/other/groups/{self.group}/{below}")
        self.assertEqual(
            self.found("user.id=u-bob&role.id=role-member"),
            {("u-bob", child, "role-member"), ("u-bob", "p3", "role-member")},
        )
        self.assertEqual(self.found(f"scope.project.id={child}"), {("u-bob", child, "role-member")})

    def test_what_is_implied_is_told_with_what_implies_it(self) -> None:
        self.ask("PUT", "/roles/role-member/implies/role-reader")
        self.assertIn(("u-alice", "p1", "role-reader"), self.found("user.id=u-alice"))
        answer = self.ask("GET", "/role_assignments?effective&user.id=u-alice&role.id=role-reader")
        [one] = answer.json["role_assignments"]
        self.assertEqual(
            one["links"]["prior_role"], f"{BASE}/prior_role/role-member/implies/role-reader"
        )

    def test_a_tree_is_told_with_what_is_held_below(self) -> None:
        child = self.make("project", name="child", parent_id="p1")["id"]
        self.ask("PUT", f"/projects/{child}/groups/{self.group}/roles/role-member")
        self.ask(
            "PUT", "/OS-INHERIT/domains/default/users/u-bob/roles/role-reader/inherited_to_projects"
        )
        tree = "scope.project.id=p1&include_subtree&user.id=u-bob"
        self.assertEqual(
            self.found(tree),
            {
                ("u-bob", "p1", "role-reader"),
                ("u-bob", child, "role-reader"),
                ("u-bob", child, "role-member"),
            },
        )
        stored = self.ask("GET", "/role_assignments?scope.project.id=p1&include_subtree").json
        places = {one["scope"]["project"]["id"] for one in stored["role_assignments"]}
        self.assertEqual(places, {"p1", child})
        self.told(self.ask("GET", "/role_assignments?include_subtree"), 400, "must be specified")
        answer = self.ask("GET", f"/role_assignments?{tree}", token=self.alice)
        self.assertEqual(answer.code, 403)

    def test_readers_of_a_domain_see_what_is_held_in_it(self) -> None:
        self.ask("PUT", "/domains/other/users/u-bob/roles/role-reader")
        self.ask("PUT", "/projects/p3/users/u-alice/roles/role-reader")
        token = self.cloud.token("bob", {"domain": {"id": "other"}})
        for query in ("", "?effective"):
            answer = self.ask("GET", f"/role_assignments{query}", token=token)
            scopes = [one["scope"] for one in answer.json["role_assignments"]]
            self.assertEqual(len(scopes), 2)
            for scope in scopes:
                self.assertIn(scope, ({"domain": {"id": "other"}}, {"project": {"id": "p3"}}))

    def test_what_makes_no_sense_together(self) -> None:
        self.told(self.ask("GET", "/role_assignments?effective&group.id=g"), 400, "group filter")

    def test_the_list_says_what_tokens_say(self) -> None:
        self.ask("PUT", "/roles/role-member/implies/role-reader")
        self.ask("PUT", f"/projects/p2/groups/{self.group}/roles/role-member")
        token = self.cloud.login("bob", {"project": {"id": "p2"}}).json["token"]
        listed = {role for _, _, role in self.found("user.id=u-bob&scope.project.id=p2")}
        self.assertEqual({role["id"] for role in token["roles"]}, listed)
