"""
What is charged is what the rows tell.
"""

from __future__ import annotations

from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from synnefo_tx.volume.rows.census import CENSUS
from tests.synnefo_tx.volume.cloud import VolumesCase


class CensusTests(VolumesCase):
    def off(self) -> int:
        """How many holdings of disks and snapshots are not as they should be."""
        with self.cloud.database.engine.begin() as connection:
            found = reconcile_resources(connection, SERVICES)
        return sum(one.key.resource in CENSUS.resources for one in found)

    def test_nothing_is_off(self) -> None:
        """Whatever happens to volumes."""
        server_id = self.playing.running()
        volume_id = self.create(size=2)
        self.snapshot(volume_id)
        self.assertEqual(self.off(), 0)
        body = {"volumeAttachment": {"volumeId": volume_id}}
        self.cloud.nova("POST", f"/servers/{server_id}/os-volume_attachments", body)
        self.settle()
        self.act(volume_id, "os-extend", {"new_size": 5}, version="3.42")
        self.assertEqual(self.off(), 0)
        self.settle()
        self.cloud.nova("DELETE", f"/servers/{server_id}")
        self.settle()
        self.assertEqual(self.off(), 0)
        self.good("DELETE", f"/volumes/{volume_id}?cascade=true")
        self.assertEqual(self.off(), 0)
        self.settle()
        self.assertEqual((self.off(), self.cloud.used()), (0, {}))
