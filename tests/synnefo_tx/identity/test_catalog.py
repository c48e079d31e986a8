"""
The catalog: what runs here, as the client reached us, and what administrators make of it.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.catalog import own_services
from synnefo_tx.identity.rows import catalog
from synnefo_tx.identity.views.catalog import catalog_view
from tests.synnefo_tx.identity.asking import AskingCase


class OwnTests(SynchronousTestCase):
    def test_volume_is_there_under_both_names(self) -> None:
        offered = [service.type for service in own_services()]
        volumes = ["block-storage", "volumev3"]
        others = ["identity", "compute", "network", "image", "account"]
        self.assertCountEqual(offered, [*others, *volumes])
        with_volume = own_services({"identity": "/identity/v3/", "volume": "/volume/v3"})
        self.assertEqual(
            [(one.type, one.name, one.endpoints[0].url) for one in with_volume],
            [
                ("identity", "keystone", "/identity/v3/"),
                ("block-storage", "cinder", "/volume/v3"),
                ("volumev3", "cinderv3", "/volume/v3"),
            ],
        )

    def test_an_unknown_kind_is_a_defect(self) -> None:
        self.assertRaises(KeyError, list, own_services({"coffee": "/coffee"}))

    def test_ids_are_the_same_in_every_worker_and_differ_from_one_another(self) -> None:
        def ids(region: str) -> list[str]:
            found = [one for service in own_services(region=region) for one in service.endpoints]
            return [one.id for one in found]

        self.assertEqual(ids("One"), ids("One"))
        self.assertEqual(len(set(ids("One"))), 21)
        self.assertFalse(set(ids("One")) & set(ids("Two")))

    def test_urls_begin_as_the_client_reached_us_and_name_its_project(self) -> None:
        own = own_services({"object-store": "/object/v1/AUTH_%(project_id)s"})
        view = catalog_view(own, "https://cloud.example", "p1")
        self.assertEqual(
            {(one["interface"], one["url"]) for one in view[0]["endpoints"]},
            {
                (interface, "https://cloud.example/object/v1/AUTH_p1")
                for interface in ("public", "internal", "admin")
            },
        )
        self.assertEqual(view[0]["endpoints"][0]["region_id"], "RegionOne")
        self.assertEqual(catalog_view(own, "https://cloud.example", ""), [])


class CatalogTests(AskingCase):
    def offered(self) -> dict[str, Any]:
        shown = self.ask("GET", "/auth/catalog").json["catalog"]
        return {service["type"]: service for service in shown}

    def test_what_is_added_is_offered_and_what_is_disabled_is_not(self) -> None:
        service = self.make("service", type="dns", name="designate")
        self.assertNotIn("dns", self.offered())
        url = "https://dns.example/$(tenant_id)s"
        made = self.make("endpoint", service_id=service["id"], interface="public", url=url)
        [endpoint] = self.offered()["dns"]["endpoints"]
        self.assertEqual(endpoint["url"], "https://dns.example/p1")
        path = f"/endpoints/{made['id']}"
        self.ask("PATCH", path, {"endpoint": {"enabled": False}})
        self.assertNotIn("dns", self.offered())
        self.ask("PATCH", path, {"endpoint": {"enabled": True}})
        self.ask("PATCH", f"/services/{service['id']}", {"service": {"enabled": False}})
        self.assertNotIn("dns", self.offered())

    def test_a_service_goes_with_its_endpoints(self) -> None:
        service = self.make("service", type="dns")
        made = self.make("endpoint", service_id=service["id"], interface="admin", url="http://x")
        self.assertEqual(self.ask("DELETE", f"/services/{service['id']}").code, 204)
        self.assertEqual(self.ask("GET", f"/endpoints/{made['id']}").code, 404)

    def test_wrong_endpoints(self) -> None:
        service = self.make("service", type="dns")["id"]
        good = {"service_id": service, "interface": "public", "url": "http://x"}
        for wrong, code, text in (
            ({"interface": "secret"}, 400, "interface"),
            ({"url": "x"}, 400, "url"),
            ({"url": "http://x/$(disk_id)s"}, 400, "invalid URL: http://x/$(disk_id)s."),
            ({"service_id": "nope"}, 400, "find endpoint service_id in service table"),
            ({"region_id": "Mars"}, 400, "find endpoint region_id in region table"),
            ({"enabled": "yes"}, 400, "enabled"),
        ):
            self.told(self.ask("POST", "/endpoints", {"endpoint": good | wrong}), code, text)
        self.told(self.ask("POST", "/services", {"service": {}}), 400, "'type' is a required")

    def test_an_endpoint_for_older_clients_brings_its_region(self) -> None:
        service = self.make("service", type="dns")["id"]
        good = {"service_id": service, "interface": "public", "url": "http://x"}
        made = self.make("endpoint", region="Mars", **good)
        self.assertEqual((made["region"], made["region_id"]), ("Mars", "Mars"))
        self.assertEqual(self.ask("GET", "/regions/Mars").code, 200)
        path = f"/endpoints/{made['id']}"
        self.ask("PATCH", path, {"endpoint": {"region": "Venus"}})
        self.assertEqual(self.ask("GET", path).json["endpoint"]["region_id"], "Venus")

    def test_regions_go_with_those_below_and_never_in_circles(self) -> None:
        for one in ({"id": "a"}, {"id": "b", "parent_region_id": "a"}):
            self.make("region", **one)
        self.make("region", id="c", parent_region_id="b")
        for name, parent in (("a", "a"), ("a", "c"), ("b", "c")):
            answer = self.ask("PATCH", f"/regions/{name}", {"region": {"parent_region_id": parent}})
            self.told(answer, 400, "circular region hierarchy")
        self.assertEqual(self.ask("DELETE", "/regions/a").code, 204)
        self.assertEqual(self.ask("GET", "/regions/c").code, 404)

    def test_regions(self) -> None:
        self.assertEqual(self.ask("PUT", "/regions/north", {"region": {}}).code, 201)
        south = self.make("region", description="warm", parent_region_id="north")
        self.assertEqual((south["description"], south["parent_region_id"]), ("warm", "north"))
        below = self.ask("GET", "/regions?parent_region_id=north").json["regions"]
        self.assertEqual([one["id"] for one in below], [south["id"]])
        self.told(self.ask("PUT", "/regions/north", {"region": {}}), 409, "north")
        self.told(self.ask("PUT", "/regions/a", {"region": {"id": "b"}}), 400, "Conflicting")
        self.told(self.ask("POST", "/regions", {"region": {"parent_region_id": "x"}}), 404, "x")
        self.told(self.ask("DELETE", "/regions/RegionOne"), 403, "region RegionOne", "endpoints")
        self.assertEqual(self.ask("DELETE", f"/regions/{south['id']}").code, 204)

    def test_a_start_adds_what_is_new_and_nothing_twice(self) -> None:
        before = self.ask("GET", "/endpoints").json["endpoints"]
        own = [*own_services(), *own_services({"object-store": "/object"})]
        for _ in range(2):
            self.cloud.write(catalog.ensure, own)
        self.assertEqual(len(self.ask("GET", "/endpoints").json["endpoints"]), len(before) + 3)

    def test_members_change_nothing(self) -> None:
        for path in ("/services", "/endpoints", "/regions"):
            self.assertEqual((path, self.ask("POST", path, {}, self.alice).code), (path, 403))
