"""
The files of images are charged to the projects that own them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.image.model import Viewer
from synnefo_tx.image.uploads import Uploads
from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Holding, Payer
from synnefo_tx.quota.registered import DISKSPACE
from synnefo_tx.quota.rows.holdings import held, take
from synnefo_tx.quota.rows.limits import set_project_limits
from synnefo_tx.quota.rows.verify import reconcile_resources
from synnefo_tx.quota.services import SERVICES
from tests.live.postgresql import shared_server
from tests.synnefo_tx.image.cloud import ADMIN, ALICE, BOB, Cloud, at_once

FILE = b"data" * 5


class ChargeTests(SynchronousTestCase):
    """Alice's project may keep 50 bytes; a file has 20."""

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        one = self.cloud.create()
        self.alices, self.bobs = (
            self.cloud.call("GET", f"/v2/images/{image_id}", user=user).json["owner"]
            for image_id, user in ((one, ALICE), (self.cloud.create(BOB), BOB))
        )
        self.write(set_project_limits, self.alices, {DISKSPACE: 50})

    def write(self, unit: Any, *args: Any) -> Any:
        waiting = self.cloud.database.write(unit, *args)
        return self.successResultOf(Deferred.fromCoroutine(waiting))

    def used(self, project_id: str = "") -> int:
        holding: Holding = self.write(held, project_id or self.alices)[DISKSPACE]
        self.assertEqual(self.write(reconcile_resources, SERVICES), [])
        return holding.used

    def upload(self, data: bytes = FILE, **headers: str) -> tuple[str, int]:
        """An image and what its upload was answered with."""
        image_id = self.cloud.create()
        path = f"/v2/images/{image_id}/file"
        return image_id, self.cloud.call("PUT", path, data, headers=headers).status

    def test_as_long_as_it_is_there(self) -> None:
        """Deactivated too."""
        self.assertEqual(self.used(), 0)
        image_id = self.cloud.active(data=FILE)
        self.assertEqual(self.used(), 20)
        actions = f"/v2/images/{image_id}/actions"
        self.cloud.call("POST", f"{actions}/deactivate", user=ADMIN)
        self.assertEqual(self.used(), 20)
        self.cloud.call("POST", f"{actions}/reactivate", user=ADMIN)
        self.assertEqual(self.cloud.call("DELETE", f"/v2/images/{image_id}").status, 204)
        self.assertEqual(self.used(), 0)

    def test_too_much(self) -> None:
        """It is refused, and the image waits for its file as before; nothing is left of it."""
        self.cloud.active(data=FILE)
        self.cloud.active(data=FILE)
        volumes = len(self.cloud.blocks.volumes)
        image_id, status = self.upload()
        self.assertEqual(status, 413)
        self.assertEqual(self.cloud.call("GET", f"/v2/images/{image_id}").json["status"], "queued")
        self.assertEqual((self.used(), len(self.cloud.blocks.volumes)), (40, volumes))
        self.assertEqual(self.upload(b"data")[1], 204)

    def test_what_was_taken_meanwhile(self) -> None:
        """The end of an upload decides."""
        image_id = self.cloud.create()
        cloud, pieces = self.cloud, [FILE]
        uploads = Uploads(cloud.database, cloud.blocks, None, cloud.timers.seconds, at_once)

        async def read(_size: int = 0) -> bytes:
            if not pieces:
                self.write(take, Payer("", self.alices), {DISKSPACE: 40})
                return b""
            return pieces.pop()

        viewer = Viewer(self.alices)
        self.failureResultOf(
            Deferred.fromCoroutine(uploads.receive(image_id, viewer, read)), Exceeded
        )
        found: Holding = self.write(held, self.alices)[DISKSPACE]
        self.assertEqual(found.used, 40)
        self.assertEqual(cloud.call("GET", f"/v2/images/{image_id}").json["status"], "queued")

    def test_another_owner(self) -> None:
        """Has to have room for it."""
        image_id = self.cloud.active(data=FILE)
        give = [{"op": "replace", "path": "/owner", "value": self.bobs}]
        self.write(set_project_limits, self.bobs, {DISKSPACE: 19})
        self.assertEqual(self.cloud.patch(image_id, give, ADMIN).status, 413)
        self.assertEqual((self.used(), self.used(self.bobs)), (20, 0))
        self.write(set_project_limits, self.bobs, {DISKSPACE: 20})
        self.assertEqual(self.cloud.patch(image_id, give, ADMIN).status, 200)
        self.assertEqual((self.used(), self.used(self.bobs)), (0, 20))

    def test_an_owner_that_is_no_project(self) -> None:
        """Pays nothing."""
        image_id = self.cloud.active(data=FILE)
        give = [{"op": "replace", "path": "/owner", "value": "x" * 255}]
        self.assertEqual(self.cloud.patch(image_id, give, ADMIN).status, 200)
        self.assertEqual(self.used(), 0)
        self.assertEqual(
            self.cloud.call("DELETE", f"/v2/images/{image_id}", user=ADMIN).status, 204
        )
        self.assertEqual(self.used(), 0)


class PostgresqlChargeTests(ChargeTests):
    """The same on PostgreSQL."""

    def database_place(self) -> str:
        return shared_server().new_database()
