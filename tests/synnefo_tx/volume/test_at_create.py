"""
Servers that are made with volumes, from the call to what the cluster has and the user sees.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from tests.synnefo_tx.compute.cloud import BOB, GIB, IMAGE, asked
from tests.synnefo_tx.volume.cloud import VolumesCase

NOBODY = "99999999-9999-4999-8999-999999999999"
INVALID = "Block Device Mapping is Invalid: "


def disk(source: str, **fields: Any) -> dict[str, Any]:
    """
    A volume in a server's body.
    """
    return {"source_type": source, "destination_type": "volume", **fields}


class AtCreateTests(VolumesCase):
    def made(self, *disks: dict[str, Any], **more: Any) -> str:
        server_id = self.cloud.create(block_device_mapping_v2=list(disks), **more)
        self.settle()
        return server_id

    def disks(self, server_id: str) -> list[dict[str, Any]]:
        """The disks that the cluster's instance has."""
        held = self.playing.cluster.held.instances[f"snf-{server_id}"]["disks"]
        return [dict(one) for one in held]

    def attached(self, server_id: str) -> list[dict[str, Any]]:
        path = f"/servers/{server_id}/os-volume_attachments"
        return list(self.cloud.nova("GET", path, version="2.79").json["volumeAttachments"])

    def delete(self, server_id: str) -> None:
        self.assertEqual(self.cloud.nova("DELETE", f"/servers/{server_id}").status, 204)
        self.settle()
        self.assertEqual(self.cloud.nova("GET", f"/servers/{server_id}").status, 404)

    def refusal(self, *disks: dict[str, Any], **more: Any) -> str:
        body = {"server": asked(block_device_mapping_v2=list(disks), **more)}
        answer = self.cloud.nova("POST", "/servers", body)
        self.assertEqual(answer.status, 400, answer.body)
        return str(answer.json["badRequest"]["message"])

    def drift(self) -> Any:
        with self.cloud.database.engine.begin() as connection:
            return reconcile_resources(connection, SERVICES, fix=False)

    def test_boots_from_a_volume(self) -> None:
        """Which keeps what it has, is in use, and is there when the server is gone."""
        volume_id = self.create(size=2, imageRef=IMAGE)
        server_id = self.made(disk("volume", uuid=volume_id, boot_index=0), imageRef="")
        [boot] = self.disks(server_id)
        self.assertEqual((boot["name"], boot["size"]), (f"snf-vol-{volume_id}", 2048))
        self.assertEqual(boot["reuse_data"], "True")
        self.assertNotIn("origin", boot)
        shown = self.playing.show(server_id)
        self.assertEqual((shown["status"], shown["image"]), ("ACTIVE", ""))
        self.assertEqual(self.status(volume_id), "in-use")
        [attached] = self.attached(server_id)
        self.assertEqual((attached["volumeId"], attached["device"]), (volume_id, "/dev/vda"))
        self.delete(server_id)
        self.assertEqual(self.status(volume_id), "available")
        self.assertEqual(self.block(volume_id).content, "guest")

    def test_made_with_it(self) -> None:
        """Of an image, a snapshot and nothing; each is charged, and goes when asked to."""
        source = self.create(size=1)
        snapshot = self.good("POST", "/snapshots", {"snapshot": {"volume_id": source}})
        self.settle()
        with self.cloud.database.engine.begin() as connection:
            reconcile_resources(connection, SERVICES, fix=True)
        server_id = self.made(
            disk("blank", volume_size=3, delete_on_termination=True),
            disk("snapshot", uuid=snapshot["snapshot"]["id"]),
            disk("image", uuid=IMAGE, volume_size=2, boot_index=0, delete_on_termination=True),
            imageRef=None,
        )
        first, second, third = self.disks(server_id)
        self.assertEqual((first["origin"], first["size"]), (f"img-{IMAGE}", 2048))
        self.assertEqual(second["size"], 3072)
        self.assertNotIn("origin", second)
        self.assertEqual(third["origin"], f"snf-snap-{snapshot['snapshot']['id']}")
        held = self.attached(server_id)
        self.assertEqual([one["device"] for one in held], ["/dev/vda", "/dev/vdb", "/dev/vdc"])
        ids = [one["volumeId"] for one in held]
        self.assertEqual([self.status(one) for one in ids], ["in-use"] * 3)
        self.assertEqual(self.show(ids[0])["bootable"], "true")
        self.assertEqual(list(self.drift()), [])
        self.delete(server_id)
        answers = [self.ask("GET", f"/volumes/{one}").status for one in ids]
        self.assertEqual(answers, [404, 404, 200])
        self.assertEqual(self.status(ids[2]), "available")
        self.assertEqual(list(self.drift()), [])

    def test_beside_the_image(self) -> None:
        """A volume comes behind the server's own disk; one that only is read stays so."""
        volume_id = self.create(size=1)
        self.act(volume_id, "os-update_readonly_flag", {"readonly": True})
        server_id = self.made(disk("volume", uuid=volume_id))
        own, more = self.disks(server_id)
        self.assertEqual(own["origin"], f"img-{IMAGE}")
        self.assertEqual((more["name"], more["mode"]), (f"snf-vol-{volume_id}", "ro"))
        self.assertEqual([one["device"] for one in self.attached(server_id)], ["/dev/vdb"])

    def test_the_cluster_fails(self) -> None:
        """What was there is free; what should have been made is in error, or goes."""
        volume_id = self.create(size=1, imageRef=IMAGE)
        self.playing.cluster.failures["OP_INSTANCE_CREATE"] = "no node has room"
        server_id = self.made(
            disk("volume", uuid=volume_id, boot_index=0),
            disk("blank", volume_size=1),
            disk("blank", volume_size=2, delete_on_termination=True),
            imageRef="",
        )
        self.assertEqual(self.playing.show(server_id)["status"], "ERROR")
        self.assertEqual(self.status(volume_id), "available")
        self.assertEqual(self.block(volume_id).content, "guest")
        rest = [
            one for one in self.good("GET", "/volumes/detail")["volumes"] if one["id"] != volume_id
        ]
        self.assertEqual([(one["size"], one["status"]) for one in rest], [(1, "error")])
        self.delete(server_id)
        self.assertEqual(self.status(volume_id), "available")

    def test_the_older_form(self) -> None:
        """Without an image its first volume is booted from; both forms at once are refused."""
        volume_id = self.create(size=1, imageRef=IMAGE)
        old = {"device_name": "vda", "volume_id": volume_id, "delete_on_termination": False}
        refused = self.refusal(disk("blank", volume_size=1), block_device_mapping=[old])
        self.assertIn("different block_device_mapping syntaxes", refused)
        server_id = self.cloud.create(imageRef="", block_device_mapping=[old])
        self.settle()
        self.assertEqual([one["device"] for one in self.attached(server_id)], ["/dev/vda"])

    def test_refused(self) -> None:
        """In Nova's words, and nothing is left of it."""
        empty, bobs = self.create(size=1), self.create(BOB, imageRef=IMAGE)
        before = len(self.good("GET", "/volumes")["volumes"])
        boots = {"boot_index": 0}
        for wrong, text in (
            (disk("volume", uuid=NOBODY, **boots), f"failed to get volume {NOBODY}."),
            (disk("volume", uuid=bobs, **boots), f"failed to get volume {bobs}."),
            (disk("snapshot", uuid=NOBODY, **boots), f"failed to get snapshot {NOBODY}."),
            (disk("volume", uuid=empty, **boots), f"Block Device {empty} is not bootable."),
            (disk("blank", volume_size=1, **boots), "is not bootable."),
            (disk("blank", **boots), "need to have non-zero size"),
            (disk("image", uuid=IMAGE, **boots), "need to have a non-zero size specified."),
            (disk("volume", **boots), "Missing device UUID."),
            (disk("volume", uuid=empty), "Boot sequence"),
            ({**disk("volume", uuid=empty), "destination_type": "local"}, "is not supported"),
            ({**disk("blank"), "destination_type": "local"}, "Ephemeral disks"),
        ):
            self.assertIn(text, self.refusal(wrong, imageRef=""), wrong)
        endless = {"boot_index": "9" * 5000}
        self.assertIn("boot_index", self.refusal(disk("blank", volume_size=1, **endless)))
        again = disk("blank", volume_size=1), disk("volume", uuid=NOBODY)
        self.assertIn("failed to get volume", self.refusal(*again))
        twice = self.refusal(disk("volume", uuid=empty), min_count=2)
        self.assertEqual(twice, "Cannot attach one or more volumes to multiple instances")
        self.assertEqual(len(self.good("GET", "/volumes")["volumes"]), before)

    def test_one_for_each(self) -> None:
        """Several servers of one request have a volume each."""
        of_image = disk("image", uuid=IMAGE, volume_size=1, boot_index=0)
        self.made(of_image, imageRef="", min_count=2)
        held = self.good("GET", "/volumes/detail")["volumes"]
        self.assertEqual([one["status"] for one in held], ["in-use"] * 2)
        self.assertEqual(len({one["attachments"][0]["server_id"] for one in held}), 2)
        self.assertEqual({one["size"] * GIB for one in held}, {GIB})
