"""
Snapshots: taken, shown, changed and deleted.
"""

from __future__ import annotations

from archipelagod.wire.errors import NoSpace
from tests.synnefo_tx.compute.cloud import ADMIN, BOB, READER
from tests.synnefo_tx.volume.cloud import VolumesCase


class SnapshotTests(VolumesCase):
    def test_taken(self) -> None:
        """It keeps what the volume has now, and is charged as large as that."""
        volume_id = self.create(size=2)
        self.block(volume_id).content = "kept"
        body = {"snapshot": {"volume_id": volume_id, "name": "s", "metadata": {"a": "b"}}}
        made = self.good("POST", "/snapshots", body)["snapshot"]
        self.assertEqual((made["status"], made["size"], made["name"]), ("creating", 2, "s"))
        self.settle()
        self.block(volume_id).content = "lost"
        shown = self.good("GET", f"/snapshots/{made['id']}")["snapshot"]
        self.assertEqual(shown["status"], "available")
        self.assertEqual(shown["os-extended-snapshot-attributes:progress"], "100%")
        self.assertEqual(self.snapshot_block(made["id"]).content, "kept")
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 4})

    def test_of_a_volume_in_use(self) -> None:
        """By force, or from 3.66 on."""
        volume_id = self.create()
        self.act(volume_id, "os-attach", {"mountpoint": "/dev/x", "host_name": "h"})
        body = {"snapshot": {"volume_id": volume_id}}
        self.assertEqual(self.refused("POST", "/snapshots", body)[0], 400)
        forced = {"snapshot": {"volume_id": volume_id, "force": True}}
        self.good("POST", "/snapshots", forced)
        none = {"snapshot": {"volume_id": None}}
        self.assertEqual(self.refused("POST", "/snapshots", none)[0], 404)
        self.good("POST", "/snapshots", body, version="3.66")
        unforced = {"snapshot": {"volume_id": volume_id, "force": False}}
        self.assertEqual(self.refused("POST", "/snapshots", unforced, version="3.66")[0], 400)

    def test_changed(self) -> None:
        """Names and metadata; others see nothing, readers change nothing."""
        snapshot_id = self.snapshot(self.create())
        path = f"/snapshots/{snapshot_id}"
        self.assertEqual(
            self.good("PUT", path, {"snapshot": {"name": "n"}})["snapshot"]["name"], "n"
        )
        self.good("POST", f"{path}/metadata", {"metadata": {"k": "v"}})
        self.assertEqual(self.good("GET", path, user=READER)["snapshot"]["metadata"], {"k": "v"})
        self.assertEqual(
            self.ask("PUT", path, {"snapshot": {"name": "n"}}, user=READER).status, 403
        )
        self.assertEqual(self.ask("GET", path, user=BOB).status, 404)
        [listed] = self.good("GET", "/snapshots/detail?name=n")["snapshots"]
        self.assertEqual(listed["id"], snapshot_id)
        self.assertEqual(self.good("GET", "/snapshots?volume_id=none")["snapshots"], [])

    def test_deleted(self) -> None:
        """With its block and its charges; one in use by a copy is kept."""
        volume_id = self.create()
        snapshot_id = self.snapshot(volume_id)
        self.good("POST", "/volumes", {"volume": {"snapshot_id": snapshot_id}})
        self.assertEqual(self.refused("DELETE", f"/snapshots/{snapshot_id}")[0], 400)
        self.settle()
        self.good("DELETE", f"/snapshots/{snapshot_id}")
        self.settle()
        self.assertEqual(self.ask("GET", f"/snapshots/{snapshot_id}").status, 404)
        self.assertEqual(self.cloud.used(), {"volumes": 2, "gigabytes": 2})
        self.assertEqual(len(self.blocks.held), 3)

    def test_storage_refuses(self) -> None:
        """It is in error; administrators set that, and delete whatever it is."""
        volume_id = self.create()
        self.blocks.failing["snapshot"] = NoSpace("full")
        snapshot_id = self.snapshot(volume_id)
        path = f"/snapshots/{snapshot_id}"
        self.assertEqual(self.good("GET", path)["snapshot"]["status"], "error")
        reset = {"os-reset_status": {"status": "creating"}}
        self.assertEqual(self.ask("POST", f"{path}/action", reset).status, 403)
        self.good("POST", f"{path}/action", reset, user=ADMIN)
        self.assertEqual(self.refused("DELETE", path)[0], 400)
        told = {"os-update_snapshot_status": {"status": "creating", "progress": "80%"}}
        self.good("POST", f"{path}/action", told)
        shown = self.good("GET", path)["snapshot"]
        self.assertEqual(shown["os-extended-snapshot-attributes:progress"], "80%")
        self.good("POST", f"{path}/action", {"os-force_delete": {}}, user=ADMIN)
        self.settle()
        self.assertEqual(self.ask("GET", path).status, 404)
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 1})
