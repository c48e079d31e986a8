"""
Bringing in a local file, when it was cut before or is under way elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.http.streaming import BodyCut
from synnefo_tx.image.errors import ImageExists
from synnefo_tx.image.imports import import_file
from synnefo_tx.image.model import Viewer
from synnefo_tx.image.rows import images
from synnefo_tx.image.sweep import LEASE_S
from synnefo_tx.image.uploads import Uploads
from tests.synnefo_tx.image.cloud import NOW, Cloud, at_once


class ImportTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.path = Path(self.mktemp())
        self.path.write_bytes(b"disk")

    def bring_in(self, name: str = "test", image_id: str | None = None) -> Deferred[str]:
        return Deferred.fromCoroutine(
            import_file(
                *(self.cloud.database, self.cloud.blocks, self.path),
                *(name, "p", "public", "raw", NOW + self.cloud.timers.seconds()),
                image_id=image_id,
                in_thread=at_once,
                reactor=self.cloud.timers,
            )
        )

    def image(self, image_id: str) -> images.Image:
        with self.cloud.database.engine.connect() as connection:
            return images.get(connection, image_id, Viewer("", is_admin=True))

    def half_done(self, timers: Clock) -> Deferred[bytes]:
        """An import by another process, which waits for the Deferred given."""
        chunk: Deferred[bytes] = Deferred()

        async def read() -> bytes:
            return await chunk

        self.path.rename(self.path.with_suffix(".away"))
        self.failureResultOf(self.bring_in(), FileNotFoundError)
        self.path.with_suffix(".away").rename(self.path)
        with self.cloud.database.engine.connect() as connection:
            image = images.named(connection, "test", "p")
        assert image is not None
        self.assertEqual(image.status, "queued")
        uploads = Uploads(
            *(self.cloud.database, self.cloud.blocks, None),
            lambda: NOW + self.cloud.timers.seconds(),
            at_once,
            timers,
        )
        self.other = Deferred.fromCoroutine(
            uploads.receive(image.id, Viewer("p", is_admin=True), read)
        )
        return chunk

    def test_once(self) -> None:
        """The second import finds the first one's image."""
        first = self.successResultOf(self.bring_in())
        self.assertEqual(self.successResultOf(self.bring_in()), first)
        self.assertEqual(self.image(first).status, "active")
        self.assertEqual(len(self.cloud.blocks.volumes), 1)

    def test_told_id(self) -> None:
        """An image has the id that it is told; another one can't have it too."""
        told = "11111111-1111-4111-8111-111111111111"
        self.assertEqual(self.successResultOf(self.bring_in(image_id=told)), told)
        self.assertEqual(self.successResultOf(self.bring_in(image_id=told)), told)
        self.failureResultOf(self.bring_in("other", told), ImageExists)

    def test_deleted(self) -> None:
        """A deleted image does not come in the way of a new one."""
        first = self.successResultOf(self.bring_in())
        self.cloud.call("DELETE", f"/v2/images/{first}", user="root")
        second = self.successResultOf(self.bring_in())
        self.assertNotEqual(first, second)
        self.assertEqual(self.image(second).status, "active")

    def test_while_another_process_does_it(self) -> None:
        """It waits for the other's end, and leaves the image as it is then."""
        chunk = self.half_done(self.cloud.timers)
        waiting = self.bring_in()
        for _ in range(200):
            self.cloud.timers.advance(1)
        self.assertNoResult(waiting)
        chunk.callback(b"")
        self.cloud.timers.advance(3)
        image = self.image(self.successResultOf(waiting))
        self.assertEqual((image.status, image.size), ("active", 0))  # the other's bytes
        self.successResultOf(self.other)

    def test_after_a_crash(self) -> None:
        """A dead process's import is taken over once its lease has ended."""
        chunk = self.half_done(Clock())  # its time stands still: it renews no lease
        waiting = self.bring_in()
        self.assertNoResult(waiting)
        for _ in range(int(LEASE_S) + 3):
            self.cloud.timers.advance(1)
        image = self.image(self.successResultOf(waiting))
        self.assertEqual((image.status, image.size), ("active", 4))
        self.assertEqual(list(self.cloud.blocks.volumes), [image.file_volume])
        chunk.errback(BodyCut())
        self.failureResultOf(self.other, BodyCut)
        self.assertEqual(self.image(image.id), image)
