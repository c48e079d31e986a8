"""
What a connection holds.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.wire.errors import BadRequest
from archipelagod.wire.handling.holdings import MAX_COLLECTED, Holdings
from tests.archipelagod.wire.fake_volumes import FakeVolumes


class HashesTests(SynchronousTestCase):
    """Lists of hashes that are not all there yet."""

    def test_many_volumes(self) -> None:
        """A connection can't begin ever more volumes, be it without hashes; those begun go on."""
        holdings = Holdings(FakeVolumes())
        for number in range(MAX_COLLECTED):
            holdings.collect(f"v{number}", 0, b"")
        self.assertRaises(BadRequest, holdings.collect, "one more", 0, b"")
        holdings.collect("v0", 0, bytes(32))
        self.assertEqual(holdings.take_collected("v0"), bytes(32))
        holdings.collect("one more", 0, b"")
