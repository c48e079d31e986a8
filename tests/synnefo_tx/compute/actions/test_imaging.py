"""
Images of servers' disks.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from synnefo_tx.image.rows.tables import images, loose_volumes
from synnefo_tx.quota.registered import DISKSPACE
from synnefo_tx.quota.rows.holdings import held
from tests.synnefo_tx.compute.actions.asking import ActionCase
from tests.synnefo_tx.compute.cloud import ALICE, GIB, IMAGE, project_of


class ImageTests(ActionCase):
    """
    createImage and createBackup.
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle()

    def image(self, image_id: str) -> Any:
        with self.cloud.database.engine.connect() as connection:
            return connection.execute(select(images).where(images.c.id == image_id)).one()

    def garbage(self) -> list[str]:
        """Volumes that the next sweep deletes."""
        unowned = select(loose_volumes.c.volume).where(loose_volumes.c.upload_id.is_(None))
        with self.cloud.database.engine.connect() as connection:
            return list(connection.execute(unowned).scalars())

    def charged(self) -> int:
        """Bytes of images."""
        with self.cloud.database.engine.connect() as connection:
            return held(connection, project_of(ALICE), [DISKSPACE])[DISKSPACE].used

    def begun(self, **fields: Any) -> str:
        wanted = {"name": "mine", **fields}
        answer = self.act("createImage", wanted, version="2.45")
        self.assertEqual(answer.status, 202, answer.body)
        return str(answer.json["image_id"])

    def backup(self, name: str, rotation: int) -> str:
        wanted = {"name": name, "backup_type": "daily", "rotation": rotation}
        image_id = str(self.act("createBackup", wanted, version="2.45").json["image_id"])
        self.goes("OP_INSTANCE_SNAPSHOT")
        self.cloud.now += 1
        return image_id

    def test_an_image(self) -> None:
        """It is saving until the snapshot is there, and boots servers then."""
        image_id = self.begun(metadata={"a": "b"})
        self.assertEqual(self.image(image_id).status, "saving")
        self.assertEqual(self.status(), ("ACTIVE", "image_snapshot"))
        ((disk, snapshot),) = self.wish().body["disks"]
        self.assertEqual(disk[:8], "snf-vol-")
        self.assertEqual(self.goes("OP_INSTANCE_SNAPSHOT"), ["/snapshot"])
        row = self.image(image_id)
        self.assertEqual(
            (row.status, row.size, row.boot_volume, row.visibility, row.min_disk),
            ("active", GIB, snapshot["snapshot_name"], "private", 1),
        )
        self.assertEqual(
            row.properties,
            {
                "a": "b",
                "image_type": "snapshot",
                "instance_uuid": self.server,
                "user_id": ALICE,
                "base_image_ref": IMAGE,
            },
        )
        self.assertEqual((self.charged(), self.garbage()), (GIB, []))
        self.cloud.create(imageRef=image_id)

    def test_a_type_of_ones_own(self) -> None:
        """What its user says of it counts."""
        image_id = self.begun(metadata={"image_type": "test"})
        self.assertEqual(self.image(image_id).properties["image_type"], "test")

    def test_where_it_is(self) -> None:
        """Before 2.45 a place tells it."""
        answer = self.act("createImage", {"name": "mine"})
        self.assertEqual((answer.status, answer.body), (202, b""))
        place = answer.header("Location") or ""
        self.assertEqual(self.image(place.rpartition("/")[2]).name, "mine")
        self.assertIn("/image/v2/images/", place)

    def test_failure(self) -> None:
        """No image, and no charge."""
        image_id = self.begun()
        self.fails("OP_INSTANCE_SNAPSHOT")
        self.assertEqual(self.image(image_id).status, "deleted")
        self.assertEqual((self.status(), self.charged()), (("ACTIVE", None), 0))
        self.assertEqual(self.garbage(), [f"img-{image_id}"])

    def test_deleted_meanwhile(self) -> None:
        """The snapshot is garbage."""
        image_id = self.begun()
        with self.cloud.database.engine.begin() as connection:
            connection.execute(images.update().values(status="deleted"))
        self.goes("OP_INSTANCE_SNAPSHOT")
        self.assertEqual((self.charged(), self.garbage()), (0, [f"img-{image_id}"]))

    def test_server_deleted_meanwhile(self) -> None:
        """There is no image of it, and none that is saved for ever."""
        image_id = self.begun()
        self.assertEqual(self.cloud.nova("DELETE", f"/servers/{self.server}").status, 204)
        snapshot, _ = self.cloud.wishes(self.server)
        with self.cloud.database.engine.begin() as connection:
            self.tell(connection, snapshot, "OP_INSTANCE_SNAPSHOT", "success")
        self.assertEqual(self.image(image_id).status, "deleted")
        self.assertEqual((self.charged(), self.garbage()), (0, [f"img-{image_id}"]))

    def test_locked_servers_too(self) -> None:
        """An image changes nothing of them."""
        self.accepted("lock")
        self.begun()

    def test_rotation(self) -> None:
        """Of a kind's backups the newest are kept."""
        first, second, third = (self.backup(name, 2) for name in ("one", "two", "three"))
        statuses = [self.image(image_id).status for image_id in (first, second, third)]
        self.assertEqual(statuses, ["deleted", "active", "active"])
        self.assertEqual(self.charged(), 2 * GIB)

    def test_refusals(self) -> None:
        """In a state of which there is no image, or while another is made."""
        self.begun()
        self.conflict(
            f"Cannot 'createImage' instance {self.server} while it is in task_state image_snapshot",
            "createImage",
            {"name": "n"},
        )
        for wanted in ({}, {"name": ""}, {"name": "n", "x": 1}):
            self.assertEqual(self.act("createImage", wanted).status, 400)
        wanted = {"name": "n", "backup_type": "daily", "rotation": -1}
        self.assertEqual(self.act("createBackup", wanted).status, 400)
