"""
The catalog follows from what runs here and from how the client reached us.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.catalog import Catalog
from synnefo_tx.identity.views.catalog import catalog_view


class CatalogTests(SynchronousTestCase):
    def test_volume_is_there_only_when_it_runs_and_under_both_names(self) -> None:
        without = {service.type for service in Catalog().services}
        self.assertEqual(without, {"identity", "compute", "network", "image"})
        with_volume = Catalog({"identity": "/identity/v3/", "volume": "/volume/v3"})
        self.assertEqual(
            [(one.type, one.name, one.path) for one in with_volume.services],
            [
                ("identity", "keystone", "/identity/v3/"),
                ("block-storage", "cinder", "/volume/v3"),
                ("volumev3", "cinderv3", "/volume/v3"),
            ],
        )

    def test_an_unknown_kind_is_a_defect(self) -> None:
        self.assertRaises(KeyError, Catalog, {"coffee": "/coffee"})

    def test_ids_are_the_same_in_every_worker_and_differ_from_one_another(self) -> None:
        first, second = Catalog().endpoints("http://a"), Catalog().endpoints("https://b")
        self.assertEqual([one.id for one in first], [one.id for one in second])
        self.assertEqual(len({one.id for one in first}), 12)
        self.assertEqual(len({one.id for one in Catalog().services}), 4)
        other = Catalog(region="Two").endpoints("http://a")
        self.assertFalse({one.id for one in first} & {one.id for one in other})

    def test_urls_begin_as_the_client_reached_us_and_name_its_project(self) -> None:
        catalog = Catalog({"object-store": "/object/v1/AUTH_%(project_id)s"})
        view = catalog_view(catalog.endpoints("https://cloud.example"), "p1")
        self.assertEqual(
            {(one["interface"], one["url"]) for one in view[0]["endpoints"]},
            {
                (interface, "https://cloud.example/object/v1/AUTH_p1")
                for interface in ("public", "internal", "admin")
            },
        )
        self.assertEqual(view[0]["endpoints"][0]["region_id"], "RegionOne")
