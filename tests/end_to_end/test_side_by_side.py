"""
Two clouds on one machine.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from tests.end_to_end.journey import Journey
from tests.live.cloud import AllInOne, eventually, guest_image


class SideBySideTests(TestCase):
    """Same machine, same network namespace; different state directories and ports."""

    timeout = 240

    def setUp(self) -> Any:
        self.image = guest_image()
        self.first = AllInOne(None)
        self.addCleanup(deferToThread, self.first.end)
        if not self.first.can_tap:
            raise SkipTest("needs root and /dev/net/tun, for guests that can be reached")
        self.second = AllInOne(None, beside=self.first)
        self.addCleanup(deferToThread, self.second.end)

    def test_both_have_guests(self) -> Deferred[None]:
        """A guest of each gets its address and greets, and ending one leaves the other alone."""
        return deferToThread(self._both)

    def _both(self) -> None:
        addresses = []
        for cloud in (self.first, self.second):
            cloud.begin()
            journey = Journey(cloud)
            server = journey.boot(journey.upload(self.image), journey.make_key())
            addresses.append((journey, server, journey.address(server)))
        for journey, _, address in addresses:
            eventually(lambda j=journey, a=address: j.banner(a), 60, f"{address} greets")
        journey, server, _ = addresses[0]
        journey.delete(server)
        journey, _, address = addresses[1]
        self.assertEqual(journey.ssh(address, "hostname").strip(), "journey")
