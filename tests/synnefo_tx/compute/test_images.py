"""
Images as compute shows them.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import (
    ADMIN,
    ALICE,
    BOB,
    GIB,
    IMAGE,
    READER,
    Cloud,
    add_image,
    some_id,
)


class ImageTests(SynchronousTestCase):
    """
    /images and their metadata.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.own, self.server = some_id(), some_id()
        properties = {"a": "b", "instance_uuid": self.server, "image_type": "snapshot"}
        with self.cloud.database.engine.begin() as connection:
            own = {"owner": "project-alice", "visibility": "private", "properties": properties}
            add_image(connection, self.own, name="mine", min_ram=64, **own)

    def names(self, query: str = "", user: str = ALICE) -> list[str]:
        """Of the images listed."""
        answer = self.cloud.nova("GET", f"/images{query}", None, user)
        self.assertEqual(answer.status, 200, answer.body)
        return sorted(image["name"] for image in answer.json["images"])

    def data(self, method: str, body: Any = None, item: str = "", **more: Any) -> Any:
        return self.cloud.nova(method, f"/images/{self.own}/metadata{item}", body, **more)

    def test_shown(self) -> None:
        """In Nova's form, with the server that it was made of."""
        shown = self.cloud.nova("GET", f"/images/{self.own}").json["image"]
        self.assertEqual(
            (shown["status"], shown["progress"], shown["minRam"], shown["OS-EXT-IMG-SIZE:size"]),
            ("ACTIVE", 100, 64, GIB),
        )
        self.assertEqual((shown["server"]["id"], shown["metadata"]["a"]), (self.server, "b"))
        self.assertEqual(
            [link["rel"] for link in shown["links"]], ["self", "bookmark", "alternate"]
        )

    def test_lists(self) -> None:
        """Own and public ones, by what Nova filters."""
        self.assertEqual(self.names(), ["guest", "mine"])
        self.assertEqual(self.names(user=BOB), ["guest"])
        for query, names in (
            ("?name=mine", ["mine"]),
            (f"?server=http://there/servers/{self.server}", ["mine"]),
            ("?type=snapshot", ["mine"]),
            ("?status=ACTIVE", ["guest", "mine"]),
            ("?status=SAVING", []),
            ("?minRam=64", ["mine"]),
            ("?changes-since=2099-01-01T00:00:00Z", []),
            ("?property-a=b", ["mine"]),
            ("?unknown=x", ["guest", "mine"]),
        ):
            self.assertEqual(self.names(query), names, query)
        self.assertEqual(self.cloud.nova("GET", "/images?limit=x").status, 400)
        self.assertEqual(self.cloud.nova("GET", "/images?changes-since=x").status, 400)

    def test_pages(self) -> None:
        """With links."""
        page = self.cloud.nova("GET", "/images/detail?limit=1").json
        _, _, query = page["images_links"][0]["href"].partition("?")
        rest = self.cloud.nova("GET", f"/images/detail?{query}").json
        self.assertNotEqual(page["images"][0]["id"], rest["images"][0]["id"])
        self.assertIn("status", page["images"][0])

    def test_deleted(self) -> None:
        """By its owner alone."""
        path = f"/images/{self.own}"
        self.assertEqual(self.cloud.nova("DELETE", path, None, BOB).status, 404)
        self.assertEqual(self.cloud.nova("DELETE", path, None, READER).status, 403)
        self.assertEqual(self.cloud.nova("DELETE", f"/images/{IMAGE}").status, 403)
        self.assertEqual(self.cloud.nova("DELETE", path).status, 204)
        answer = self.cloud.nova("GET", path)
        self.assertEqual(answer.json["itemNotFound"]["message"], "Image not found.")

    def test_metadata(self) -> None:
        """Read, added, replaced and taken away."""
        self.assertEqual(self.data("GET").json["metadata"]["a"], "b")
        self.assertEqual(self.data("GET", item="/a").json, {"meta": {"a": "b"}})
        self.assertEqual(self.data("GET", item="/none").status, 404)
        added = self.data("POST", {"metadata": {"c": "d"}}).json["metadata"]
        self.assertEqual((added["a"], added["c"]), ("b", "d"))
        self.assertEqual(self.data("PUT", {"meta": {"c": "e"}}, "/c").json, {"meta": {"c": "e"}})
        self.assertEqual(self.data("PUT", {"meta": {"c": "e"}}, "/d").status, 400)
        self.assertEqual(self.data("PUT", {"metadata": {"x": "y"}}).json, {"metadata": {"x": "y"}})
        self.assertEqual(self.data("DELETE", item="/x").status, 204)
        self.assertEqual(self.data("DELETE", item="/x").status, 404)
        self.assertEqual(self.data("GET").json, {"metadata": {}})

    def test_others_metadata(self) -> None:
        """A public image is not everybody's to change."""
        body = {"metadata": {"x": "y"}}
        path = f"/images/{IMAGE}/metadata"
        self.assertEqual(self.cloud.nova("POST", path, body).status, 403)
        self.assertEqual(self.cloud.nova("POST", path, body, ADMIN).status, 200)
        self.assertEqual(self.data("POST", body, user=BOB).status, 404)

    def test_microversions(self) -> None:
        """Images are Glance's from 2.36 on, their metadata from 2.39 on."""
        self.assertEqual(self.cloud.nova("GET", "/images", version="2.36").status, 404)
        self.assertEqual(self.data("GET", version="2.38").status, 200)
        self.assertEqual(self.data("GET", version="2.39").status, 404)
