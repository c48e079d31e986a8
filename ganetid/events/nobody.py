"""
A bus that nobody listens to, for a cluster without a broker.
"""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from synnefo_tx.daemon.bus.interface import IPublisher


@implementer(IPublisher)
class Nobody:
    """IPublisher that drops every message, on purpose."""

    async def publish(
        self, routing_key: str, body: bytes, headers: Mapping[str, object] | None = None
    ) -> None:
        """See IPublisher: nobody has to have it, so it is safe."""
