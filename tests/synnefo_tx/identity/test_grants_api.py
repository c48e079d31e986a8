"""
Roles: made, implied, given on projects, domains and the system, and taken away.
"""

from __future__ import annotations

from tests.synnefo_tx.identity.asking import AskingCase

ROLE = {"id": "role-member"}


class RoleTests(AskingCase):
    def test_a_new_role(self) -> None:
        role = self.make("role", name="auditor", description="reads")
        self.assertEqual((role["name"], role["domain_id"]), ("auditor", None))
        after = self.ask("PATCH", f"/roles/{role['id']}", {"role": {"name": "judge"}}).json["role"]
        self.assertEqual((after["name"], after["description"]), ("judge", "reads"))
        answer = self.ask("POST", "/roles", {"role": {"name": "judge"}})
        self.told(answer, 409, "Duplicate entry found with name judge")

    def test_roles_of_a_domain_are_listed_by_it_only(self) -> None:
        self.make("role", name="member", domain_id="other")
        names = [one["name"] for one in self.ask("GET", "/roles?domain_id=other").json["roles"]]
        self.assertEqual(names, ["member"])
        self.assertEqual(len(self.ask("GET", "/roles?name=member").json["roles"]), 1)

    def test_a_deleted_role_is_held_by_nobody(self) -> None:
        self.later()
        self.assertEqual(self.ask("DELETE", "/roles/role-reader").code, 204)
        self.later()
        self.assertEqual((self.worth(self.bob), self.worth(self.alice)), (401, 200))


class ImpliedTests(AskingCase):
    PATH = "/roles/role-reader/implies/role-member"

    def test_who_holds_one_holds_the_other(self) -> None:
        self.assertEqual(self.ask("PUT", self.PATH).code, 201)
        answer = self.cloud.login("bob", {"project": {"id": "p2"}})
        names = [role["name"] for role in answer.json["token"]["roles"]]
        self.assertEqual(names, ["member", "reader"])
        self.later()
        self.assertEqual(self.ask("DELETE", self.PATH).code, 204)
        self.later()
        self.assertEqual(self.worth(answer.header("X-Subject-Token")), 401)

    def test_its_end_ends_the_tokens_that_it_gave_something_to(self) -> None:
        """
        Those of alice, who holds the implied role by herself, go on.
        """
        self.ask("PUT", self.PATH)
        bobs = self.cloud.token("bob", {"project": {"id": "p2"}})
        body = {"application_credential": {"name": "r", "secret": "s", "roles": [ROLE]}}
        path = "/users/u-bob/application_credentials"
        made = self.ask("POST", path, body, bobs).json["application_credential"]
        told = {"id": made["id"], "secret": "s"}
        robots = self.cloud.authenticate(application_credential=told).header("X-Subject-Token")
        self.later()
        self.assertEqual([self.worth(one) for one in (self.alice, bobs, robots)], [200] * 3)
        self.assertEqual(self.ask("DELETE", self.PATH).code, 204)
        self.later()
        worth = [self.worth(one) for one in (self.alice, bobs, robots)]
        self.assertEqual(worth, [200, 401, 401])

    def test_a_role_of_a_domain_that_no_token_names(self) -> None:
        one = self.make("role", name="one", domain_id="default")["id"]
        self.ask("PUT", f"/roles/{one}/implies/role-member")
        self.assertEqual(self.ask("PUT", f"/projects/p2/users/u-bob/roles/{one}").code, 204)
        bobs = self.cloud.token("bob", {"project": {"id": "p2"}})
        self.later()
        self.assertEqual(self.ask("DELETE", f"/roles/{one}/implies/role-member").code, 204)
        self.later()
        self.assertEqual(self.worth(bobs), 401)

    def test_long_names(self) -> None:
        """
        Of up to 255 letters, with any letter in them.
        """
        prior = self.make("role", name="a/" * 120)["id"]
        implied = self.make("role", name="b" * 255)["id"]
        self.ask("PUT", f"/roles/{prior}/implies/{implied}")
        self.ask("PUT", f"/projects/p2/users/u-bob/roles/{prior}")
        for path in (f"/roles/{prior}/implies/{implied}", f"/roles/{prior}"):
            bobs = self.cloud.token("bob", {"project": {"id": "p2"}})
            self.later()
            self.assertEqual(self.worth(bobs), 200)
            self.assertEqual(self.ask("DELETE", path).code, 204)
            self.later()
            self.assertEqual(self.worth(bobs), 401)

    def test_shown(self) -> None:
        self.ask("PUT", self.PATH)
        told = self.ask("GET", self.PATH).json["role_inference"]
        self.assertEqual(
            (told["prior_role"]["name"], told["implies"]["name"]), ("reader", "member")
        )
        self.assertEqual(self.ask("HEAD", self.PATH).code, 204)
        one = self.ask("GET", "/roles/role-reader/implies").json["role_inference"]
        everything = self.ask("GET", "/role_inferences").json["role_inferences"]
        self.assertEqual(everything, [one])
        self.assertEqual([role["id"] for role in one["implies"]], ["role-member"])
        self.told(self.ask("GET", "/roles/role-member/implies/role-reader"), 404)

    def test_roles_of_domains_imply_all_and_are_implied_by_such_only(self) -> None:
        one = self.make("role", name="one", domain_id="default")["id"]
        two = self.make("role", name="two", domain_id="other")["id"]
        for implied in (two, "role-member"):
            self.assertEqual(self.ask("PUT", f"/roles/{one}/implies/{implied}").code, 201)
        answer = self.ask("PUT", f"/roles/role-member/implies/{one}")
        self.told(answer, 403, "Global role cannot imply a domain-specific role")

    def test_what_may_not_be_implied(self) -> None:
        self.told(self.ask("PUT", "/roles/role-member/implies/role-admin"), 403)
        self.told(self.ask("PUT", "/roles/role-member/implies/role-member"), 403)
        self.told(self.ask("PUT", "/roles/role-member/implies/nope"), 404)


class GrantTests(AskingCase):
    def test_on_a_project(self) -> None:
        path = "/projects/p1/users/u-bob/roles"
        one = f"{path}/role-member"
        self.assertEqual(self.ask("HEAD", one).code, 404)
        for _ in range(2):
            self.assertEqual(self.ask("PUT", one).code, 204)
        self.assertEqual(self.ask("HEAD", one).code, 204)
        self.assertEqual([r["id"] for r in self.ask("GET", path).json["roles"]], ["role-member"])
        token = self.cloud.token("bob", {"project": {"id": "p1"}})
        self.later()
        self.assertEqual([self.ask("DELETE", one).code for _ in range(2)], [204, 404])
        self.later()
        self.assertEqual((self.worth(token), self.worth(self.bob)), (401, 200))

    def test_on_a_domain_and_the_system(self) -> None:
        for place in ("/domains/other", "/system"):
            one = f"{place}/users/u-bob/roles/role-reader"
            self.assertEqual(self.ask("PUT", one).code, 204)
            self.assertEqual(self.ask("HEAD", one).code, 204)
            listed = self.ask("GET", f"{place}/users/u-bob/roles").json["roles"]
            self.assertEqual([role["id"] for role in listed], ["role-reader"])
        mine = self.ask("GET", "/auth/domains", token=self.bob).json["domains"]
        self.assertEqual([one["id"] for one in mine], ["other"])
        system = self.ask("GET", "/auth/system", token=self.bob).json["system"]
        self.assertEqual(system, [{"all": True}])
        found = self.ask("GET", "/role_assignments?user.id=u-bob&include_names").json
        scopes = [next(iter(one["scope"])) for one in found["role_assignments"]]
        self.assertEqual(sorted(scopes), ["domain", "project", "system"])

    def test_what_is_not_there(self) -> None:
        for path in (
            "/projects/nope/users/u-bob/roles/role-member",
            "/projects/p1/users/nope/roles/role-member",
            "/projects/p1/users/u-bob/roles/nope",
            "/projects/p1/groups/nope/roles/role-member",
        ):
            self.assertEqual((path, self.ask("PUT", path).code), (path, 404))

    def test_a_role_of_another_domain(self) -> None:
        role = self.make("role", name="chief", domain_id="other")["id"]
        self.told(self.ask("PUT", f"/projects/p1/users/u-bob/roles/{role}"), 403)
        self.assertEqual(self.ask("PUT", f"/projects/p3/users/u-bob/roles/{role}").code, 204)

    def test_members_hand_out_nothing(self) -> None:
        for method in ("PUT", "DELETE", "HEAD", "GET"):
            for role in ("role-admin", "role-member"):
                path = f"/projects/p1/users/u-alice/roles/{role}"
                answer = self.ask(method, path, token=self.alice)
                self.assertEqual((method, path, answer.code), (method, path, 403))
