"""
Reaching clusters.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from synnefo_tx.cluster.interface import ClusterAway
from synnefo_tx.cluster.rapi import Address
from synnefo_tx.effect.clusters import rapi_over


class RapiOverTests(TestCase):
    """A certificate that isn't there yet."""

    async def test_missing_or_bad_certificate_is_away(self) -> None:
        """The wish is kept for later, whatever is wrong with the file."""
        path = Path(self.mktemp())
        for text in (None, "", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"):
            if text is not None:
                path.write_text(text)
            address = Address("https://c", "user", "secret", str(path))
            with self.assertRaises(ClusterAway):
                await rapi_over(reactor)(address)
