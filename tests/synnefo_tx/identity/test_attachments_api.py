"""
Policies, OAuth1 consumers, and which endpoints a project is told of.
"""

from __future__ import annotations

from typing import Any

from tests.synnefo_tx.identity.asking import AskingCase

FILTER = "/OS-EP-FILTER"


class PolicyTests(AskingCase):
    def test_a_policy_is_kept_as_it_was_given(self) -> None:
        policy = self.make("policy", blob={"a": "b"}, type="application/json")
        path = f"/policies/{policy['id']}"
        self.assertEqual(self.ask("GET", path).json["policy"], policy)
        after = self.ask("PATCH", path, {"policy": {"type": "text"}}).json["policy"]
        self.assertEqual((after["type"], after["blob"]), ("text", {"a": "b"}))
        self.assertEqual([self.ask("DELETE", path).code for _ in range(2)], [204, 404])
        self.told(self.ask("POST", "/policies", {"policy": {"type": "x"}}), 400, "'blob'")


class ConsumerTests(AskingCase):
    ROOT = "/OS-OAUTH1/consumers"

    def test_the_secret_is_shown_once(self) -> None:
        made = self.ask("POST", self.ROOT, {"consumer": {"description": "x"}})
        self.assertEqual(made.code, 201)
        consumer = made.json["consumer"]
        self.assertEqual(len(consumer.pop("secret")), 32)
        path = f"{self.ROOT}/{consumer['id']}"
        self.assertEqual(self.ask("GET", path).json["consumer"], consumer)
        self.assertEqual(self.ask("GET", self.ROOT).json["consumers"], [consumer])
        after = self.ask("PATCH", path, {"consumer": {"description": "y"}}).json["consumer"]
        self.assertEqual(after, consumer | {"description": "y"})
        self.told(self.ask("PATCH", path, {"consumer": {"secret": "z"}}), 400, "secret")
        self.assertEqual(self.ask("DELETE", path).code, 204)


class FilterTests(AskingCase):
    def setUp(self) -> None:
        super().setUp()
        self.whole = self.catalog()
        self.assertIn("image", self.whole)

    def catalog(self) -> set[str]:
        answer = self.cloud.login("alice", {"project": {"id": "p1"}})
        return {service["type"] for service in answer.json["token"]["catalog"]}

    def endpoint(self, service_type: str) -> dict[str, Any]:
        [service] = self.ask("GET", f"/services?type={service_type}").json["services"]
        query = f"service_id={service['id']}&interface=public"
        [found] = self.ask("GET", f"/endpoints?{query}").json["endpoints"]
        endpoint: dict[str, Any] = found
        return endpoint

    def test_a_project_is_told_of_its_own_endpoints_only(self) -> None:
        path = f"{FILTER}/projects/p1/endpoints/{self.endpoint('image')['id']}"
        self.assertEqual(self.ask("HEAD", path).code, 404)
        self.assertEqual(self.ask("PUT", path).code, 204)
        self.assertEqual(self.ask("HEAD", path).code, 204)
        self.assertEqual(self.catalog(), {"image"})
        listed = self.ask("GET", f"{FILTER}/projects/p1/endpoints").json["endpoints"]
        self.assertEqual([one["id"] for one in listed], [self.endpoint("image")["id"]])
        at = f"{FILTER}/endpoints/{listed[0]['id']}/projects"
        self.assertEqual([one["id"] for one in self.ask("GET", at).json["projects"]], ["p1"])
        self.assertEqual(self.ask("DELETE", path).code, 204)
        self.assertEqual(self.catalog(), self.whole)

    def test_a_project_with_none_is_told_of_all_and_has_none(self) -> None:
        """
        As in Keystone: the catalog is whole, the list of what the project was given is empty; so
        it is with a group that takes no endpoint.
        """
        self.assertEqual(self.ask("GET", f"{FILTER}/projects/p1/endpoints").json["endpoints"], [])
        body = {"name": "none", "filters": {"interface": "public", "region_id": "nowhere"}}
        made = self.ask("POST", f"{FILTER}/endpoint_groups", {"endpoint_group": body})
        group = made.json["endpoint_group"]["id"]
        self.assertEqual(self.ask("PUT", f"{FILTER}/endpoint_groups/{group}/projects/p1").code, 204)
        self.assertEqual(self.catalog(), self.whole)

    def test_a_project_whose_endpoints_are_all_disabled_is_told_of_none(self) -> None:
        endpoint = self.endpoint("image")["id"]
        self.ask("PUT", f"{FILTER}/projects/p1/endpoints/{endpoint}")
        self.ask("PATCH", f"/endpoints/{endpoint}", {"endpoint": {"enabled": False}})
        self.assertEqual(self.catalog(), set())

    def test_and_of_those_of_its_groups(self) -> None:
        service = self.endpoint("network")["service_id"]
        body = {"name": "net", "filters": {"service_id": service, "interface": "public"}}
        made = self.ask("POST", f"{FILTER}/endpoint_groups", {"endpoint_group": body})
        self.assertEqual(made.code, 201, made.body)
        path = f"{FILTER}/endpoint_groups/{made.json['endpoint_group']['id']}"
        listed = self.ask("GET", f"{path}/endpoints").json["endpoints"]
        self.assertEqual([one["id"] for one in listed], [self.endpoint("network")["id"]])
        self.assertEqual(self.ask("PUT", f"{path}/projects/p1").code, 204)
        self.assertEqual(self.ask("GET", f"{path}/projects/p1").json, made.json)
        self.assertEqual(self.catalog(), {"network"})
        groups = self.ask("GET", f"{FILTER}/projects/p1/endpoint_groups").json["endpoint_groups"]
        self.assertEqual(groups, [made.json["endpoint_group"]])
        projects = self.ask("GET", f"{path}/projects").json["projects"]
        self.assertEqual([one["id"] for one in projects], ["p1"])
        self.assertEqual(self.ask("DELETE", path).code, 204)
        self.assertEqual(self.catalog(), self.whole)

    def test_wrong_filters(self) -> None:
        body = {"name": "x", "filters": {"colour": "blue"}}
        answer = self.ask("POST", f"{FILTER}/endpoint_groups", {"endpoint_group": body})
        self.told(answer, 400, "colour")
