"""
/v3/registered_limits and /v3/limits.
"""

from __future__ import annotations

from typing import Any

from tests.synnefo_tx.identity.asking import AskingCase

BASE = "http://cloud.test/identity/v3"


class LimitsCase(AskingCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.make("service", type="compute2")["id"]

    def register(self, name: str = "cores", **more: Any) -> dict[str, Any]:
        one = {"service_id": self.service, "resource_name": name, "default_limit": 10}
        answer = self.ask("POST", "/registered_limits", {"registered_limits": [one | more]})
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json["registered_limits"][0]
        return made

    def one(self, **more: Any) -> dict[str, Any]:
        return {"service_id": self.service, "resource_name": "cores", "resource_limit": 5} | more

    def limit(self, **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/limits", {"limits": [self.one(**more)]})
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json["limits"][0]
        return made

    def listed(self, query: str = "", token: str = "") -> list[str]:
        answer = self.ask("GET", f"/limits{query}", token=token)
        return sorted(one["id"] for one in answer.json["limits"])


class RegisteredLimitTests(LimitsCase):
    def test_what_is_given_is_shown(self) -> None:
        made = self.register(description="x")
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "service_id": self.service,
                "region_id": None,
                "resource_name": "cores",
                "default_limit": 10,
                "description": "x",
                "links": {"self": f"{BASE}/registered_limits/{made['id']}"},
            },
        )
        shown = self.ask("GET", f"/registered_limits/{made['id']}", token=self.alice)
        self.assertEqual(shown.json["registered_limit"], made)

    def test_lists_by_what_is_limited(self) -> None:
        here = self.register(region_id="RegionOne")["id"]
        other = self.register("ram")["id"]
        for query, found in (
            ("", {here, other}),
            ("?resource_name=ram", {other}),
            ("?region_id=RegionOne", {here}),
            ("?service_id=nope", set()),
        ):
            listed = self.ask("GET", f"/registered_limits{query}").json["registered_limits"]
            self.assertEqual({one["id"] for one in listed}, found)

    def test_a_change(self) -> None:
        path = f"/registered_limits/{self.register()['id']}"
        body = {"registered_limit": {"default_limit": -1, "region_id": "RegionOne"}}
        after = self.ask("PATCH", path, body).json["registered_limit"]
        self.assertEqual((after["default_limit"], after["region_id"]), (-1, "RegionOne"))
        self.assertEqual(self.ask("DELETE", path).code, 204)
        self.assertEqual(self.ask("GET", path).code, 404)

    def test_wrong_ones(self) -> None:
        self.register()
        good = {"service_id": self.service, "resource_name": "ram", "default_limit": 1}
        for wrong, code, text in (
            ({"service_id": "nope"}, 400, "find service_id in registered_limit"),
            ({"region_id": "Mars"}, 400, "find region_id in registered_limit"),
            ({"default_limit": -2}, 400, "less than the minimum"),
            ({"default_limit": "5"}, 400, "is not of type 'integer'"),
            ({"colour": 1}, 400, "Additional properties"),
            ({"resource_name": "cores"}, 409, "store registered_limit - Duplicate entry."),
        ):
            body = {"registered_limits": [good | wrong]}
            self.told(self.ask("POST", "/registered_limits", body), code, text)
        for body in ({}, {"registered_limits": []}, {"registered_limits": good}):
            self.assertEqual(self.ask("POST", "/registered_limits", body).code, 400)

    def test_all_are_made_or_none(self) -> None:
        good = {"service_id": self.service, "resource_name": "ram", "default_limit": 1}
        answer = self.ask("POST", "/registered_limits", {"registered_limits": [good, good]})
        self.assertEqual(answer.code, 409)
        self.assertEqual(self.ask("GET", "/registered_limits").json["registered_limits"], [])

    def test_it_stays_while_somebody_has_another_limit_and_holds_its_service(self) -> None:
        registered = self.register()["id"]
        limit = self.limit(project_id="p1")["id"]
        path = f"/registered_limits/{registered}"
        self.told(self.ask("DELETE", path), 403, f"delete registered limit {registered} because")
        self.told(self.ask("PATCH", path, {"registered_limit": {"default_limit": 1}}), 403)
        self.ask("DELETE", f"/limits/{limit}")
        self.assertEqual(self.ask("DELETE", f"/services/{self.service}").code, 403)
        self.assertEqual(self.ask("DELETE", path).code, 204)
        self.assertEqual(self.ask("DELETE", f"/services/{self.service}").code, 204)

    def test_members_change_nothing(self) -> None:
        path = f"/registered_limits/{self.register()['id']}"
        for method, there in (("POST", "/registered_limits"), ("PATCH", path), ("DELETE", path)):
            self.assertEqual(self.ask(method, there, {}, self.alice).code, 403)


class LimitTests(LimitsCase):
    def setUp(self) -> None:
        super().setUp()
        self.register()

    def test_what_is_given_is_shown(self) -> None:
        made = self.limit(project_id="p1", description="x")
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "project_id": "p1",
                "domain_id": None,
                "service_id": self.service,
                "region_id": None,
                "resource_name": "cores",
                "resource_limit": 5,
                "description": "x",
                "links": {"self": f"{BASE}/limits/{made['id']}"},
            },
        )
        self.assertEqual(self.ask("GET", f"/limits/{made['id']}").json["limit"], made)

    def test_a_project_that_is_a_domain_stands_for_it(self) -> None:
        made = self.limit(project_id="other")
        self.assertEqual((made["project_id"], made["domain_id"]), (None, "other"))

    def test_a_change_and_the_end(self) -> None:
        path = f"/limits/{self.limit(project_id='p1')['id']}"
        body = {"limit": {"resource_limit": 0, "description": "none"}}
        after = self.ask("PATCH", path, body).json["limit"]
        self.assertEqual((after["resource_limit"], after["description"]), (0, "none"))
        self.told(self.ask("PATCH", path, {"limit": {"project_id": "p2"}}), 400, "project_id")
        self.assertEqual(self.ask("DELETE", path).code, 204)
        self.assertEqual(self.ask("GET", path).code, 404)
        self.assertEqual(self.ask("DELETE", path).code, 404)

    def test_wrong_ones(self) -> None:
        self.limit(project_id="p1")
        for wrong, code, text in (
            ({"project_id": "p1"}, 409, "store limit - Duplicate entry."),
            ({"project_id": "nope"}, 400, "find project_id in limit"),
            ({"domain_id": "nope"}, 400, "find domain_id in limit"),
            ({"project_id": "p2", "resource_name": "ram"}, 403, "no corresponding registered"),
            ({"project_id": "p2", "region_id": "RegionOne"}, 403, "no corresponding registered"),
            ({"project_id": "p2", "service_id": "nope"}, 400, "find service_id in limit"),
            ({}, 400, "is not valid under any of the given schemas"),
            ({"project_id": "p2", "domain_id": "other"}, 400, "is valid under each of"),
        ):
            self.told(self.ask("POST", "/limits", {"limits": [self.one(**wrong)]}), code, text)

    def test_everybody_sees_the_own_ones(self) -> None:
        ids = {
            "p1": self.limit(project_id="p1")["id"],
            "p3": self.limit(project_id="p3")["id"],
            "other": self.limit(domain_id="other")["id"],
        }
        self.ask("PUT", "/domains/other/users/u-bob/roles/role-reader")
        of_other = self.cloud.token("bob", {"domain": {"id": "other"}})
        for token, seen in (
            (self.admin, ["p1", "p3", "other"]),
            (self.alice, ["p1"]),
            (self.bob, []),
            (of_other, ["p3", "other"]),
            (self.cloud.token("alice", "unscoped"), []),
        ):
            self.assertEqual(self.listed(token=token), sorted(ids[name] for name in seen))
            for name, limit_id in ids.items():
                code = self.ask("GET", f"/limits/{limit_id}", token=token).code
                self.assertEqual((name, code), (name, 200 if name in seen else 403))

    def test_lists_by_holder_and_resource(self) -> None:
        one, two = self.limit(project_id="p1")["id"], self.limit(domain_id="other")["id"]
        for query, found in (
            ("?project_id=p1", [one]),
            ("?domain_id=other", [two]),
            ("?resource_name=cores", sorted([one, two])),
            ("?resource_name=ram", []),
            (f"?service_id={self.service}&project_id=p2", []),
        ):
            self.assertEqual((query, self.listed(query)), (query, found))

    def test_pages(self) -> None:
        ids = sorted(self.limit(project_id=name)["id"] for name in ("p1", "p2", "p3"))
        first = self.ask("GET", "/limits?limit=2").json
        self.assertEqual([one["id"] for one in first["limits"]], ids[:2])
        self.assertEqual(self.listed(f"?limit=2&marker={ids[1]}"), ids[2:])

    def test_they_go_with_their_project(self) -> None:
        self.limit(project_id="p2")
        self.assertEqual(self.ask("DELETE", "/projects/p2").code, 204)
        self.assertEqual(self.listed(), [])

    def test_those_of_a_tree_are_told_with_its_projects(self) -> None:
        child = self.make("project", name="child", parent_id="p1")["id"]
        limit = self.limit(project_id=child)
        for query, told in (("subtree_as_list&include_limits", True), ("subtree_as_list", False)):
            answer = self.ask("GET", f"/projects/p1?{query}").json["project"]
            [below] = answer["subtree"]
            self.assertEqual("limits" in below["project"], told)
            for one in below["project"].get("limits", ()):
                self.assertEqual(one["id"], limit["id"])

    def test_the_model_is_flat(self) -> None:
        model = self.ask("GET", "/limits/model", token=self.bob).json["model"]
        self.assertEqual(model["name"], "flat")

    def test_members_change_nothing(self) -> None:
        path = f"/limits/{self.limit(project_id='p1')['id']}"
        for method, there in (("POST", "/limits"), ("PATCH", path), ("DELETE", path)):
            self.assertEqual(self.ask(method, there, {}, self.alice).code, 403)
