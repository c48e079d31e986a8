"""
/v3/projects and /v3/domains: the tree, tags, and what ends with them.
"""

from __future__ import annotations

from tests.synnefo_tx.identity.asking import AskingCase

BASE = "http://cloud.test/identity/v3"


class ProjectTests(AskingCase):
    def test_a_new_project_is_shown_as_it_was_given(self) -> None:
        project = self.make("project", name="web", description="site", tags=["b", "a"], colour="x")
        self.assertEqual(
            project,
            {
                "id": project["id"],
                "name": "web",
                "domain_id": "default",
                "description": "site",
                "enabled": True,
                "parent_id": "default",
                "is_domain": False,
                "tags": ["a", "b"],
                "options": {},
                "colour": "x",
                "links": {"self": f"{BASE}/projects/{project['id']}"},
            },
        )
        self.assertEqual(self.ask("GET", f"/projects/{project['id']}").json["project"], project)

    def test_a_name_is_taken_once_in_a_domain(self) -> None:
        answer = self.ask("POST", "/projects", {"project": {"name": "one"}})
        self.told(answer, 409, "it is not permitted to have two projects", "name is one")
        self.make("project", name="two", domain_id="other")

    def test_changes(self) -> None:
        path = f"/projects/{self.make('project', name='web', colour='x')['id']}"
        body = {"project": {"name": "net", "description": "d", "size": 1}}
        after = self.ask("PATCH", path, body).json["project"]
        self.assertEqual(
            (after["name"], after["description"], after["size"], after["colour"]),
            ("net", "d", 1, "x"),
        )
        for change, code, text in (
            ({"domain_id": "other"}, 400, "Cannot change Domain ID"),
            ({"parent_id": "p1"}, 403, "Update of `parent_id` is not allowed."),
            ({"is_domain": True}, 400, "is_domain"),
            ({"name": ""}, 400, "Invalid input for field 'name'"),
            ({}, 400, ""),
            ({"name": "one"}, 409, "name is one"),
        ):
            self.told(self.ask("PATCH", path, {"project": change}), code, text)

    def test_bodies_that_name_the_field(self) -> None:
        for body, told in (
            ({}, "'name' is a required property"),
            ({"name": "a" * 65}, "Invalid input for field 'name'"),
            ({"name": "x", "enabled": "yes"}, "Invalid input for field 'enabled'"),
            ({"name": "x", "tags": ["a/b"]}, "Invalid input for field 'tags/0'"),
            ({"name": "x", "tags": ["a", "a"]}, "Invalid input for field 'tags'"),
        ):
            self.told(self.ask("POST", "/projects", {"project": body}), 400, told)

    def test_a_disabled_project_ends_its_tokens(self) -> None:
        self.later()
        self.assertEqual(
            self.ask("PATCH", "/projects/p2", {"project": {"enabled": False}}).code, 200
        )
        self.later()
        self.assertEqual((self.worth(self.bob), self.worth(self.alice)), (401, 200))

    def test_a_deleted_project_is_gone_with_its_roles(self) -> None:
        self.later()
        self.assertEqual(self.ask("DELETE", "/projects/p2").code, 204)
        self.later()
        self.assertEqual(self.worth(self.bob), 401)
        self.assertEqual(self.ask("GET", "/projects/p2").code, 404)
        held = self.ask("GET", "/role_assignments?user.id=u-bob").json["role_assignments"]
        self.assertEqual(held, [])
        self.assertEqual(self.cloud.login("bob").code, 201)

    def test_who_may_not(self) -> None:
        for method, path in (
            ("POST", "/projects"),
            ("PATCH", "/projects/p1"),
            ("DELETE", "/projects/p1"),
            ("DELETE", "/projects/nope"),
        ):
            answer = self.ask(method, path, {"project": {"name": "x"}}, self.alice)
            self.assertEqual((method, path, answer.code), (method, path, 403))


class TreeTests(AskingCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = self.make("project", name="top")["id"]
        self.mid = self.make("project", name="mid", parent_id=self.top)["id"]
        self.low = self.make("project", name="low", parent_id=self.mid)["id"]

    def test_above_and_below(self) -> None:
        def told(project_id: str, query: str, part: str) -> object:
            return self.ask("GET", f"/projects/{project_id}?{query}").json["project"][part]

        above = told(self.low, "parents_as_list", "parents")
        self.assertEqual([one["project"]["id"] for one in above], [self.mid, self.top])
        self.assertEqual(
            told(self.low, "parents_as_ids", "parents"), {self.mid: {self.top: {"default": None}}}
        )
        below = told(self.top, "subtree_as_list", "subtree")
        self.assertEqual([one["project"]["id"] for one in below], [self.mid, self.low])
        self.assertEqual(told(self.top, "subtree_as_ids", "subtree"), {self.mid: {self.low: None}})
        self.told(self.ask("GET", f"/projects/{self.low}?parents_as_ids&parents_as_list"), 400)

    def test_by_parent(self) -> None:
        found = self.ask("GET", f"/projects?parent_id={self.top}").json["projects"]
        self.assertEqual([one["id"] for one in found], [self.mid])

    def test_it_has_a_depth(self) -> None:
        deepest = self.make("project", name="x", parent_id=self.low)["id"]
        answer = self.ask("POST", "/projects", {"project": {"name": "y", "parent_id": deepest}})
        self.told(answer, 403, "Max hierarchy depth reached")

    def test_parents_that_will_not_do(self) -> None:
        for parent, code, text in (
            ("nope", 404, "Could not find"),
            ("p3", 201, ""),
        ):
            body = {"project": {"name": f"x{parent}", "parent_id": parent}}
            answer = self.ask("POST", "/projects", body)
            self.assertEqual(answer.code, code, answer.body)
            self.assertIn(text, str(answer.body))
        body = {"project": {"name": "z", "parent_id": "p3", "domain_id": "default"}}
        self.told(self.ask("POST", "/projects", body), 400, "different domain")

    def test_disabled_ones_are_below_disabled_ones(self) -> None:
        off, on = {"project": {"enabled": False}}, {"project": {"enabled": True}}
        self.told(self.ask("PATCH", f"/projects/{self.top}", off), 403, "subtree contains enabled")
        for one in (self.low, self.mid):
            self.assertEqual(self.ask("PATCH", f"/projects/{one}", off).code, 200)
        self.told(self.ask("PATCH", f"/projects/{self.low}", on), 403, "disabled parents")
        body = {"project": {"name": "x", "parent_id": self.mid}}
        self.told(self.ask("POST", "/projects", body), 403, "is disabled, but this project is")

    def test_only_leaves_fall(self) -> None:
        self.told(self.ask("DELETE", f"/projects/{self.mid}"), 403, "not a leaf in the hierarchy")
        self.assertEqual(self.ask("DELETE", f"/projects/{self.low}").code, 204)

    def test_roles_are_inherited_below(self) -> None:
        path = (
            f"/OS-INHERIT/projects/{self.top}/users/u-bob/roles/role-member/inherited_to_projects"
        )
        self.assertEqual(self.ask("PUT", path).code, 204)
        token = self.cloud.token("bob", {"project": {"id": self.low}})
        self.assertEqual(self.cloud.login("bob", {"project": {"id": self.top}}).code, 401)
        mine = self.ask("GET", "/auth/projects", token=token).json["projects"]
        self.assertEqual({one["id"] for one in mine}, {"p2", self.mid, self.low})
        self.later()
        self.assertEqual(self.ask("DELETE", path).code, 204)
        self.later()
        self.assertEqual(self.worth(token), 401)


class TagTests(AskingCase):
    def test_tags_one_by_one(self) -> None:
        answer = self.ask("PUT", "/projects/p1/tags/blue")
        self.assertEqual(
            (answer.code, answer.header("Location")), (201, f"{BASE}/projects/p1/tags/blue")
        )
        self.ask("PUT", "/projects/p1/tags/blue")
        self.assertEqual(self.ask("GET", "/projects/p1/tags").json["tags"], ["blue"])
        self.assertEqual(self.ask("GET", "/projects/p1/tags/blue").code, 204)
        self.told(self.ask("GET", "/projects/p1/tags/red"), 404, "red")
        self.assertEqual(
            [self.ask("DELETE", "/projects/p1/tags/blue").code for _ in range(2)], [204, 404]
        )

    def test_all_at_once(self) -> None:
        answer = self.ask("PUT", "/projects/p1/tags", {"tags": ["b", "a"]})
        self.assertEqual((answer.code, answer.json["tags"]), (200, ["a", "b"]))
        for wrong in ({}, {"tags": "a"}, {"tags": ["a,b"]}, {"tags": ["x" * 256]}):
            self.told(self.ask("PUT", "/projects/p1/tags", wrong), 400)
        self.assertEqual(self.ask("DELETE", "/projects/p1/tags").code, 204)
        self.assertEqual(self.ask("GET", "/projects/p1/tags").json["tags"], [])

    def test_lists_by_tags(self) -> None:
        self.ask("PUT", "/projects/p1/tags", {"tags": ["a", "b"]})
        self.ask("PUT", "/projects/p2/tags", {"tags": ["b"]})
        for query, found in (
            ("tags=a,b", ["p1"]),
            ("tags=b", ["p1", "p2"]),
            ("tags-any=a,z", ["p1"]),
            ("not-tags=a,b", ["p2", "p3"]),
            ("not-tags-any=a,b", ["p3"]),
        ):
            listed = self.ask("GET", f"/projects?{query}").json["projects"]
            self.assertEqual((query, [one["id"] for one in listed]), (query, found))


class DomainTests(AskingCase):
    def test_a_new_domain_also_acts_as_a_project(self) -> None:
        domain = self.make("domain", name="lab", description="x")
        self.assertEqual(self.ask("GET", f"/domains/{domain['id']}").json["domain"], domain)
        project = self.ask("GET", f"/projects/{domain['id']}").json["project"]
        self.assertEqual(
            (project["is_domain"], project["domain_id"], project["parent_id"]), (True, None, None)
        )
        made = self.make("project", name="lab2", is_domain=True)
        self.assertEqual(self.ask("GET", f"/domains/{made['id']}").json["domain"]["name"], "lab2")

    def test_a_domain_is_changed_and_ended_also_as_the_project(self) -> None:
        path = f"/projects/{self.make('project', name='lab', is_domain=True)['id']}"
        self.told(self.ask("DELETE", path), 403, "disable")
        changed = self.ask("PATCH", path, {"project": {"enabled": False}}).json["project"]
        self.assertEqual((changed["enabled"], changed["is_domain"]), (False, True))
        self.assertEqual(self.ask("PATCH", path, {"project": {}}, self.alice).code, 403)
        self.assertEqual(self.ask("DELETE", path, token=self.alice).code, 403)
        self.assertEqual(self.ask("DELETE", path).code, 204)
        self.assertEqual(self.ask("GET", path).code, 404)

    def test_a_name_is_as_long_as_that_of_a_project(self) -> None:
        answer = self.ask("POST", "/domains", {"domain": {"name": "a" * 65}})
        self.told(answer, 400, "Invalid input for field 'name'")

    def test_a_name_is_taken_once(self) -> None:
        answer = self.ask("POST", "/domains", {"domain": {"name": "Other"}})
        self.told(answer, 409, "name is Other")

    def test_a_disabled_domain_ends_the_tokens_of_its_users(self) -> None:
        self.cloud.write(_user_of_other)
        body = {"user": {"id": "u-eve", "password": "battery staple"}}
        answer = self.cloud.authenticate(password=body)
        eve = answer.header("X-Subject-Token")
        self.assertEqual(self.worth(eve), 200)
        self.later()
        self.ask("PATCH", "/domains/other", {"domain": {"enabled": False}})
        self.later()
        self.assertEqual((self.worth(eve), self.worth(self.alice)), (401, 200))
        self.assertEqual(self.cloud.authenticate(password=body).code, 401)

    def test_only_a_disabled_domain_goes_and_takes_all_with_it(self) -> None:
        self.cloud.write(_user_of_other)
        self.make("group", name="crew", domain_id="other")
        self.make("role", name="chief", domain_id="other")
        self.told(self.ask("DELETE", "/domains/other"), 403, "please disable it first")
        self.ask("PATCH", "/domains/other", {"domain": {"enabled": False}})
        self.assertEqual(self.ask("DELETE", "/domains/other").code, 204)
        for path in ("/domains/other", "/projects/p3", "/users/u-eve"):
            self.assertEqual((path, self.ask("GET", path).code), (path, 404))
        self.assertEqual(self.ask("GET", "/groups?domain_id=other").json["groups"], [])
        self.assertEqual(self.ask("GET", "/roles?domain_id=other").json["roles"], [])


def _user_of_other(connection: object) -> None:
    from synnefo_tx.identity.rows.accounts import create_user
    from tests.synnefo_tx.identity.cloud import HASHES

    create_user(connection, "u-eve", "other", "eve", HASHES["alice"])  # type: ignore[arg-type]
