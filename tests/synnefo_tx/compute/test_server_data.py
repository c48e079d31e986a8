"""
Servers' metadata and tags.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import BASE, Cloud


class MetadataTests(SynchronousTestCase):
    """
    /servers/<id>/metadata.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.server = self.cloud.active(metadata={"a": "b"})
        self.path = f"/servers/{self.server}/metadata"

    def test_changes(self) -> None:
        """POST adds, PUT replaces, an item is put and deleted."""
        cloud = self.cloud
        added = cloud.nova("POST", self.path, {"metadata": {"c": "d"}})
        self.assertEqual((added.status, added.json), (200, {"metadata": {"a": "b", "c": "d"}}))
        item = cloud.nova("PUT", f"{self.path}/e", {"meta": {"e": "f"}})
        self.assertEqual((item.status, item.json), (200, {"meta": {"e": "f"}}))
        self.assertEqual(cloud.nova("GET", f"{self.path}/a").json, {"meta": {"a": "b"}})
        gone = cloud.nova("DELETE", f"{self.path}/a")
        self.assertEqual((gone.status, gone.body), (204, b""))
        self.assertEqual(cloud.nova("GET", self.path).json, {"metadata": {"c": "d", "e": "f"}})
        replaced = cloud.nova("PUT", self.path, {"metadata": {}})
        self.assertEqual(replaced.json, {"metadata": {}})
        self.assertEqual(cloud.nova("GET", self.path).json, {"metadata": {}})

    def test_refusals(self) -> None:
        """Missing items, mismatches, too many, and states in which nothing changes."""
        cloud, path = self.cloud, self.path
        many = {f"k{n}": "v" for n in range(128)}
        for method, where, body, status, text in (
            ("GET", "/x", None, 404, "Metadata item was not found"),
            ("DELETE", "/x", None, 404, "Metadata item was not found"),
            ("PUT", "/x", {"meta": {"y": "z"}}, 400, "Request body and URI mismatch"),
            (
                "PUT",
                "/x",
                {"meta": {}},
                400,
                "Invalid input for field/attribute meta. Value: {}. {} should be non-empty",
            ),
            (
                "POST",
                "",
                {"metadata": {"a": 1}},
                400,
                "Invalid input for field/attribute a. Value: 1. 1 is not of type 'string'",
            ),
            (
                "POST",
                "",
                {"metadata": many},
                403,
                "Maximum number of metadata items exceeds 128",
            ),
        ):
            answer = cloud.nova(method, path + where, body)
            (fault,) = answer.json.values()
            self.assertEqual(
                (answer.status, fault), (status, {"code": status, "message": text}), body
            )
        cloud.believe(self.server, vm_state="building")
        answer = cloud.nova("POST", path, {"metadata": {"c": "d"}})
        self.assertEqual(
            answer.json["conflictingRequest"]["message"],
            f"Cannot 'update metadata' instance {self.server} while it is in vm_state building",
        )
        self.assertEqual(cloud.nova("GET", path).json, {"metadata": {"a": "b"}})


class TagTests(SynchronousTestCase):
    """
    /servers/<id>/tags.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.server = self.cloud.active()
        self.path = f"/servers/{self.server}/tags"

    def test_changes(self) -> None:
        """A tag is put once, found, and deleted; all are replaced or deleted together."""

        def call(method: str, where: str = "", body: object = None) -> tuple[int, bytes]:
            answer = self.cloud.nova(method, self.path + where, body, version="2.26")
            self.location = answer.header("location")
            return answer.status, answer.body

        self.assertEqual(call("PUT", "/x"), (201, b""))
        self.assertEqual(self.location, f"{BASE}/v2.1{self.path}/x")
        self.assertEqual(call("PUT", "/x"), (204, b""))
        self.assertEqual(call("GET", "/x"), (204, b""))
        self.assertEqual(call("PUT", "", {"tags": ["b", "a", "b"]}), (200, b'{"tags":["a","b"]}'))
        self.assertEqual(call("GET", "/x")[0], 404)
        self.assertEqual(call("DELETE", "/a"), (204, b""))
        self.assertEqual(call("GET"), (200, b'{"tags":["b"]}'))
        self.assertEqual(call("DELETE"), (204, b""))
        self.assertEqual(call("GET"), (200, b'{"tags":[]}'))

    def test_refusals(self) -> None:
        """Before 2.26, unknown tags, wrong ones, and a body where none belongs."""
        self.assertEqual(self.cloud.nova("GET", self.path, version="2.25").status, 404)
        for method, where, body, text in (
            ("DELETE", "/x", None, f"Server {self.server} has no tag 'x'"),
            ("PUT", "/x", {}, "{} is not of type 'null'"),
            (
                "PUT",
                "/a,b",
                None,
                (
                    "Tag 'a,b' is invalid. It must be a non empty string without characters '/' "
                    "and ','. Validation error message: 'a,b' does not match '^[^,/]*$'"
                ),
            ),
            (
                "PUT",
                "",
                {"tags": ["a,b"]},
                "Invalid input for field/attribute 0. Value: a,b. 'a,b' does not match '^[^,/]*$'",
            ),
        ):
            answer = self.cloud.nova(method, self.path + where, body, version="2.26")
            (fault,) = answer.json.values()
            self.assertEqual(fault["message"], text)
