"""
Projects, users, domains, roles, and the catalog's parts: lists, single ones, and who may see them.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.permission_table import PERMISSIONS
from tests.synnefo_tx.identity.cloud import identity_cloud

BASE = "http://cloud.test/identity/v3"
DENIED = "You are not authorized to perform the requested action: {}."


class AccountsCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.admin = self.cloud.token("admin")
        self.alice = self.cloud.token("alice")

    def get(self, path: str, token: str | None = None) -> Any:
        return self.cloud.ask("GET", f"/v3/{path}", self.admin if token is None else token)

    def ids(self, path: str, token: str | None = None) -> list[str]:
        answer = self.get(path, token)
        self.assertEqual(answer.code, 200, answer.body)
        key = path.partition("?")[0].rpartition("/")[2]
        return [one["id"] for one in answer.json[key]]


class ListTests(AccountsCase):
    def test_a_list_has_items_and_links(self) -> None:
        answer = self.get("projects?domain_id=other")
        self.assertEqual(
            answer.json,
            {
                "projects": [
                    {
                        "id": "p3",
                        "name": "one",
                        "domain_id": "other",
                        "description": "",
                        "enabled": True,
                        "parent_id": "other",
                        "is_domain": False,
                        "tags": [],
                        "options": {},
                        "links": {"self": f"{BASE}/projects/p3"},
                    }
                ],
                "links": {
                    "next": None,
                    "self": f"{BASE}/projects?domain_id=other",
                    "previous": None,
                },
            },
        )

    def test_filters_are_combined(self) -> None:
        self.cloud.disable("project", "p2")
        for query, found in (
            ("", ["p1", "p2", "p3"]),
            ("?name=one", ["p1", "p3"]),
            ("?name=one&domain_id=default", ["p1"]),
            ("?parent_id=other", ["p3"]),
            ("?enabled=true", ["p1", "p3"]),
            ("?enabled=0", ["p2"]),
            ("?enabled=False", ["p2"]),
            ("?enabled", ["p1", "p3"]),
            ("?name=One", []),
            ("?name__contains=w", ["p2"]),
            ("?name__contains=W", []),
            ("?name__icontains=W", ["p2"]),
            ("?name__startswith=tw", ["p2"]),
            ("?name__endswith=ne", ["p1", "p3"]),
            ("?name__iendswith=NE", ["p1", "p3"]),
            ("?name__contains=%25", []),
            ("?name__contains=_", []),
            ("?name__contains=", ["p1", "p2", "p3"]),
            ("?name__sounds=x", ["p1", "p2", "p3"]),
            ("?unknown=x", ["p1", "p2", "p3"]),
            ("?is_domain=true", ["default", "other"]),
            ("?is_domain=false", ["p1", "p2", "p3"]),
        ):
            self.assertEqual((query, self.ids(f"projects{query}")), (query, found))

    def test_pages_follow_one_another_to_the_end(self) -> None:
        found, path = [], "projects?limit=2"
        while path:
            answer = self.get(path)
            found.append([one["id"] for one in answer.json["projects"]])
            following = answer.json["links"]["next"]
            self.assertEqual(answer.json.get("truncated"), True if following else None)
            path = following and following.removeprefix(f"{BASE}/")
        self.assertEqual(found, [["p1", "p2"], ["p3"]])

    def test_the_next_link_keeps_the_filters(self) -> None:
        answer = self.get("projects?name=one&limit=1")
        self.assertEqual(
            answer.json["links"]["next"], f"{BASE}/projects?name=one&limit=1&marker=p1"
        )

    def test_a_page_that_ends_with_the_list_has_no_next(self) -> None:
        self.assertIsNone(self.get("projects?limit=3").json["links"]["next"])

    def test_a_marker_that_is_not_there_is_told(self) -> None:
        answer = self.get("projects?marker=nope")
        self.assertEqual((answer.code, answer.message), (404, "Marker nope could not be found."))

    def test_a_limit_that_is_no_number_is_a_bad_request(self) -> None:
        for limit in ("-1", "x", "1.5", "0", "\u0663", "1e3"):
            answer = self.cloud.ask("GET", f"/v3/projects?limit={limit}", self.admin)
            self.assertEqual((limit, answer.code), (limit, 400))

    def test_an_endless_limit_is_the_longest_page(self) -> None:
        answer = self.cloud.ask("GET", f"/v3/projects?limit={'9' * 5000}", self.admin)
        self.assertEqual((answer.code, len(answer.json["projects"])), (200, 3))

    def test_an_attack_by_filter_is_only_text(self) -> None:
        self.assertEqual(self.ids("projects?name=x'%20OR%20'1'='1"), [])


class SingleTests(AccountsCase):
    def test_users_have_their_default_project_when_there_is_one(self) -> None:
        self.assertEqual(
            self.get("users/u-alice").json["user"],
            {
                "id": "u-alice",
                "name": "alice",
                "domain_id": "default",
                "default_project_id": "p1",
                "enabled": True,
                "password_expires_at": None,
                "options": {},
                "links": {"self": f"{BASE}/users/u-alice"},
            },
        )
        self.assertNotIn("default_project_id", self.get("users/u-bob").json["user"])

    def test_no_answer_shows_a_hash(self) -> None:
        for path in ("users", "users/u-alice", "role_assignments?include_names"):
            self.assertNotIn(b"argon2", self.get(path).body)

    def test_what_is_not_there_is_told(self) -> None:
        for path, thing in (
            ("users", "user"),
            ("projects", "project"),
            ("domains", "domain"),
            ("roles", "role"),
            ("regions", "region"),
            ("services", "service"),
            ("endpoints", "endpoint"),
        ):
            answer = self.get(f"{path}/nope")
            self.assertEqual((answer.code, answer.message), (404, f"Could not find {thing}: nope."))

    def test_domains_and_roles(self) -> None:
        domain = self.get("domains/default").json["domain"]
        self.assertEqual((domain["name"], domain["enabled"]), ("Default", True))
        self.assertEqual(self.get("roles/role-admin").json["role"]["name"], "admin")
        self.assertEqual(self.ids("roles?name=member"), ["role-member"])
        self.assertEqual(self.ids("domains?name=Other"), ["other"])
        self.assertEqual(self.ids("users?name=bob&enabled=true"), ["u-bob"])

    def test_role_assignments_by_their_parts(self) -> None:
        def found(query: str) -> list[tuple[str, str, str]]:
            answer = self.get(f"role_assignments{query}").json["role_assignments"]
            return [
                (one["user"]["id"], one["scope"]["project"]["id"], one["role"]["id"])
                for one in answer
            ]

        self.assertEqual(len(found("")), 4)
        self.assertEqual(found("?user.id=u-bob"), [("u-bob", "p2", "role-reader")])
        self.assertEqual(
            found("?scope.project.id=p1&role.id=role-admin"), [("u-admin", "p1", "role-admin")]
        )
        self.assertEqual(found("?group.id=g"), [])
        self.assertEqual(found("?scope.system=all"), [])
        answer = self.get("role_assignments?user.id=u&group.id=g")
        self.assertEqual((answer.code, answer.message), (400, "Specify a user or group, not both"))

    def test_role_assignments_with_names(self) -> None:
        answer = self.get("role_assignments?user.id=u-bob&include_names=True")
        domain = {"id": "default", "name": "Default"}
        self.assertEqual(
            answer.json["role_assignments"],
            [
                {
                    "links": {
                        "assignment": f"{BASE}/projects/p2/users/u-bob/roles/role-reader",
                    },
                    "scope": {"project": {"id": "p2", "name": "two", "domain": domain}},
                    "user": {"id": "u-bob", "name": "bob", "domain": domain},
                    "role": {"id": "role-reader", "name": "reader"},
                }
            ],
        )

    def test_services_and_endpoints_agree_with_the_catalog(self) -> None:
        endpoints = {one["id"]: one for one in self.get("endpoints").json["endpoints"]}
        services = {one["id"]: one for one in self.get("services").json["services"]}
        catalog = self.get("auth/catalog").json["catalog"]
        self.assertEqual({one["id"] for one in catalog}, set(services))
        self.assertEqual(
            {endpoint["id"]: endpoint["url"] for one in catalog for endpoint in one["endpoints"]},
            {one["id"]: one["url"] for one in endpoints.values()},
        )
        for one in endpoints.values():
            self.assertIn(one["service_id"], services)
            self.assertEqual(self.get(f"endpoints/{one['id']}").json["endpoint"], one)
        image = self.ids("services?type=image")
        self.assertEqual(len(self.ids(f"endpoints?service_id={image[0]}&interface=public")), 1)
        self.assertEqual(self.ids("endpoints?region_id=Mars"), [])


class OwnTests(AccountsCase):
    def test_the_projects_that_a_user_may_work_in(self) -> None:
        for path in ("auth/projects", "users/u-alice/projects"):
            self.assertEqual(self.ids(path, self.alice), ["p1"])
        self.assertEqual(self.ids("users/u-bob/projects"), ["p2"])
        self.assertEqual(self.ids("auth/domains", self.alice), [])
        self.assertEqual(self.get("auth/system", self.alice).json["system"], [])

    def test_a_disabled_project_is_not_offered(self) -> None:
        self.cloud.write(_assign_alice_to_two)
        self.assertEqual(self.ids("auth/projects", self.alice), ["p1", "p2"])
        self.cloud.disable("project", "p2")
        self.assertEqual(self.ids("auth/projects", self.alice), ["p1"])

    def test_an_unscoped_token_has_no_catalog(self) -> None:
        unscoped = self.cloud.token("alice", "unscoped")
        answer = self.get("auth/catalog", unscoped)
        self.assertEqual(
            (answer.code, answer.message),
            (403, "You are not authorized to perform the requested action."),
        )
        self.assertEqual(self.ids("auth/projects", unscoped), ["p1"])

    def test_what_is_ones_own_can_be_seen_and_nothing_else(self) -> None:
        for path in ("users/u-alice", "projects/p1", "domains/default", "regions", "auth/catalog"):
            self.assertEqual((path, self.get(path, self.alice).code), (path, 200))
        for path, action in (
            ("users/u-bob", "identity:get_user"),
            ("users/nope", "identity:get_user"),
            ("users/u-bob/projects", "identity:list_user_projects"),
            ("projects/p2", "identity:get_project"),
            ("projects/nope", "identity:get_project"),
            ("domains/other", "identity:get_domain"),
            ("users", "identity:list_users"),
            ("projects", "identity:list_projects"),
            ("domains", "identity:list_domains"),
            ("roles", "identity:list_roles"),
            ("roles/role-admin", "identity:get_role"),
            ("role_assignments", "identity:list_role_assignments"),
            ("services", "identity:list_services"),
            ("endpoints", "identity:list_endpoints"),
        ):
            answer = self.get(path, self.alice)
            self.assertEqual(
                (path, answer.code, answer.message), (path, 403, DENIED.format(action))
            )


class RouteTests(AccountsCase):
    def test_every_permission_of_a_route_is_in_the_table(self) -> None:
        used = {permission for _, _, permission in self.cloud.router.routes if permission}
        self.assertEqual(used - set(PERMISSIONS), set())

    def test_without_a_token_every_other_route_is_401(self) -> None:
        for method, path, permission in self.cloud.router.routes:
            if permission is not None:
                answer = self.cloud.ask(method, path.replace("<", "").replace(">", ""))
                self.assertEqual((path, answer.code), (path, 401))
                if method == "HEAD":
                    continue
                self.assertEqual(
                    answer.message, "The request you have made requires authentication."
                )

    def test_discovery(self) -> None:
        version = {
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": f"{BASE}/"}],
            "media-types": [
                {
                    "base": "application/json",
                    "type": "application/vnd.openstack.identity-v3+json",
                }
            ],
        }
        for path in ("", "/"):
            answer = self.cloud.ask("GET", path)
            self.assertEqual(answer.code, 300)
            self.assertEqual(answer.header("Location"), f"{BASE}/")
            self.assertEqual(answer.json, {"versions": {"values": [version]}})
        for path in ("/v3", "/v3/"):
            answer = self.cloud.ask("GET", path)
            self.assertEqual((answer.code, answer.json), (200, {"version": version}))

    def test_a_wrong_method_is_405(self) -> None:
        answer = self.cloud.ask("PUT", "/v3/users", self.admin)
        self.assertEqual((answer.code, answer.header("Allow")), (405, "GET, HEAD, POST"))


def _assign_alice_to_two(connection: Any) -> None:
    from synnefo_tx.identity.rows.accounts import assign

    assign(connection, "u-alice", "p2", "role-reader")
