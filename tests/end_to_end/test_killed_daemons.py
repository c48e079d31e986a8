"""
kill -9 of any one daemon while a server is being created.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.end_to_end.journey import Journey
from tests.live.cloud import FourDaemons, eventually, guest_image

DELAYS_S = (0.05, 0.3)


class KilledTests(TestCase):
    """The create ends in ACTIVE, or in ERROR with a reason; never stuck, never two guests."""

    timeout = 300

    def setUp(self) -> Any:
        self.image_path = guest_image()
        self.cloud = FourDaemons(None)
        self.addCleanup(deferToThread, self.cloud.end)
        return deferToThread(self.cloud.begin)

    def test_any_daemon_may_die_during_a_create(self) -> Deferred[None]:
        """Each daemon in turn, killed at two moments and started again."""
        return deferToThread(self._kill_each)

    def _kill_each(self) -> None:
        journey = Journey(self.cloud)
        image = journey.upload(self.image_path)
        for name in self.cloud.daemons:
            for delay_s in DELAYS_S:
                self._one_create(journey, image, name, delay_s)

    def _one_create(self, journey: Journey, image: Any, victim: str, delay_s: float) -> None:
        flavor = journey.conn.compute.find_flavor("tiny")
        server = journey.conn.compute.create_server(
            name=f"kill-{victim}", image_id=image.id, flavor_id=flavor.id, networks="auto"
        )
        time.sleep(delay_s)
        self.cloud.daemons[victim].kill()
        self.cloud.daemons[victim].start()
        self.cloud.wait_until_healthy()

        def settled() -> Any:
            found = journey.conn.compute.get_server(server.id)
            return found if found.status in ("ACTIVE", "ERROR") else None

        try:
            found = eventually(settled, 90, f"settled after {victim} was killed")
        except AssertionError:
            raise AssertionError(self.cloud.logs()) from None
        guests = [line for line in self.cloud.guests() if server.id in line]
        if found.status == "ACTIVE":
            self.assertEqual(len(guests), 1, victim)
        else:
            self.assertEqual(guests, [], victim)
            self.assertTrue(found.fault["message"], victim)
        journey.delete(server)
        eventually(lambda: not self.cloud.guests(), 15, "the guest is gone")
