"""
Volumes and snapshots by Nova's names, until 2.35.
"""

from __future__ import annotations

from typing import Any

from tests.synnefo_tx.compute.cloud import BOB, READER
from tests.synnefo_tx.volume.cloud import VolumesCase


class NovaTests(VolumesCase):
    def nova(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.cloud.nova(method, path, body, **more)
        self.assertIn(answer.status, (200, 202), answer.body)
        return answer.json if answer.body else {}

    def test_volumes(self) -> None:
        """Made, listed, shown and deleted; they are Cinder's."""
        body = {"volume": {"size": 2, "display_name": "v", "metadata": {"a": "b"}}}
        made = self.nova("POST", "/os-volumes", body)["volume"]
        self.assertEqual((made["displayName"], made["attachments"]), ("v", [{}]))
        self.settle()
        self.assertEqual(self.show(made["id"])["name"], "v")
        shown = self.nova("GET", f"/os-volumes/{made['id']}", user=READER)["volume"]
        self.assertEqual((shown["status"], shown["size"]), ("available", 2))
        for path in ("/os-volumes", "/os-volumes/detail?limit=1&offset=0"):
            self.assertEqual(self.nova("GET", path)["volumes"], [shown])
        path = f"/os-volumes/{made['id']}"
        for method in ("GET", "DELETE"):
            self.assertEqual(self.cloud.nova(method, path, user=BOB).status, 404)
        self.nova("DELETE", path)
        self.settle()
        self.assertEqual(self.cloud.nova("GET", path).status, 404)

    def test_bad_bodies(self) -> None:
        """Nothing is made."""
        for size in ("#$%", "", "0", None):
            body = {"volume": {"size": size}}
            self.assertEqual(self.cloud.nova("POST", "/os-volumes", body).status, 400)
        self.assertEqual(self.cloud.nova("GET", "/os-volumes/").status, 404)

    def test_snapshots(self) -> None:
        """The same of them."""
        body = {"snapshot": {"volume_id": self.create(), "display_name": "s"}}
        made = self.nova("POST", "/os-snapshots", body)["snapshot"]
        self.settle()
        path = f"/os-snapshots/{made['id']}"
        self.assertEqual(self.nova("GET", path)["snapshot"]["status"], "available")
        self.assertEqual(self.cloud.nova("GET", path, user=BOB).status, 404)
        [listed] = self.nova("GET", "/os-snapshots")["snapshots"]
        self.assertEqual((listed["id"], listed["displayName"]), (made["id"], "s"))
        self.nova("DELETE", path)
        self.settle()
        self.assertEqual(self.nova("GET", "/os-snapshots/detail")["snapshots"], [])

    def test_gone(self) -> None:
        """From 2.36 on."""
        for path in ("/os-volumes", "/os-snapshots"):
            self.assertEqual(self.cloud.nova("GET", path, version="2.35").status, 200)
            self.assertEqual(self.cloud.nova("GET", path, version="2.36").status, 404)
