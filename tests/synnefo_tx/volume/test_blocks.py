"""
The block performer: what it does twice, puts off, and gives up.
"""

from __future__ import annotations

from archipelagod.wire.errors import StorageUnavailable
from synnefo_tx.volume.blocks import GIVE_UP_US
from synnefo_tx.volume.rules.works import volume_block
from tests.synnefo_tx.compute.cloud import GIB, IMAGE
from tests.synnefo_tx.volume.cloud import Block, VolumesCase


class PerformerTests(VolumesCase):
    def wait(self, seconds: float) -> None:
        """Long enough, in steps that no timer misses."""
        self.playing.clock.pump([seconds / 50] * 50)

    def test_done_before_a_crash(self) -> None:
        """A volume that is there already was made by whoever died before writing that down."""
        made = self.good("POST", "/volumes", {"volume": {"size": 1, "imageRef": IMAGE}})
        volume_id = made["volume"]["id"]
        self.blocks.held[volume_block(volume_id)] = Block(GIB, "guest")
        self.settle()
        self.assertEqual(self.status(volume_id), "available")
        self.assertEqual(self.block(volume_id).content, "guest")

    def test_deleted_before_a_crash(self) -> None:
        """One that is gone already is gone."""
        volume_id = self.create()
        del self.blocks.held[volume_block(volume_id)]
        self.good("DELETE", f"/volumes/{volume_id}")
        self.settle()
        self.assertEqual(self.ask("GET", f"/volumes/{volume_id}").status, 404)

    def test_half_done_before_a_crash(self) -> None:
        """A copy goes on where it was; nothing is left between."""
        first = self.create()
        self.block(first).content = "old"
        self.blocks.failing["clone"] = StorageUnavailable("away")
        body = {"volume": {"source_volid": first}}
        second = self.good("POST", "/volumes", body)["volume"]["id"]
        self.settle()
        self.assertEqual(len(self.blocks.held), 3)
        self.block(first).content = "new"
        del self.blocks.failing["clone"]
        self.wait(5)
        self.assertEqual((self.status(second), self.block(second).content), ("available", "old"))
        self.assertEqual(len(self.blocks.held), 3)

    def test_open_elsewhere(self) -> None:
        """It is waited for, longer and longer; after a quarter of an hour it is given up."""
        volume_id = self.create()
        self.blocks.busy.add(volume_block(volume_id))
        self.good("DELETE", f"/volumes/{volume_id}")
        self.settle()
        self.wait(60)
        self.assertEqual(self.status(volume_id), "deleting")
        for _ in range(40):
            self.wait(GIVE_UP_US / 1e6 / 30)
        self.assertEqual(self.status(volume_id), "error_deleting")
        self.assertEqual(self.cloud.used(), {"volumes": 1, "gigabytes": 1})

    def test_works_of_one_thing_are_in_order(self) -> None:
        """A volume that is deleted while it is made is made, and deleted."""
        self.blocks.failing["create"] = StorageUnavailable("away")
        volume_id = self.create()
        path = f"/volumes/{volume_id}/action"
        self.cloud.cinder("POST", path, {"os-force_delete": {}}, "root")
        self.settle()
        self.assertEqual(self.status(volume_id), "deleting")
        del self.blocks.failing["create"]
        self.wait(5)
        self.assertEqual(self.ask("GET", f"/volumes/{volume_id}").status, 404)
        self.assertEqual((list(self.blocks.held), self.cloud.used()), ([f"img-{IMAGE}"], {}))
