"""
The Twisted client with a daemon in this process.
"""

from __future__ import annotations

from typing import Any

from tests.archipelagod.running import StorageCase
from tests.archipelagod.wire.client_contract import ClientContract


class InlineDaemonTests(ClientContract, StorageCase):
    """Volumes in memory, served by threads."""

    async def started(self) -> Any:
        """A client of a new daemon."""
        await self.serve(store="memory", datapath="inline")
        return self.client()


class DaemonTests(ClientContract, StorageCase):
    """Volumes in files, served by processes of their own."""

    async def started(self) -> Any:
        """A client of a new daemon."""
        await self.serve()
        return self.client()
