"""
A server of the block protocol over FakeVolumes, in this process.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from archipelagod.wire.client import BlockClient
from archipelagod.wire.server import BlockFactory
from tests.archipelagod.wire.fake_volumes import FakeVolumes

reactor: Any = global_reactor
SECRET = b"a secret of the tests"


class WireCase(TestCase):
    """
    Has ``volumes``, and serves them at ``wire``.
    """

    timeout = 60

    def setUp(self) -> None:
        """A directory with a short path."""
        self.directory = tempfile.mkdtemp(prefix="wire")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.wire = f"unix:{self.directory}/wire"
        self.volumes = FakeVolumes()
        self.clients: list[BlockClient] = []
        self.addCleanup(self.close_clients)

    async def serve(self, listen: str | None = None) -> Any:
        """Until the test ends; a listening port."""
        endpoint = serverFromString(reactor, listen or self.wire)
        port = await endpoint.listen(BlockFactory(reactor, SECRET, self.volumes))
        self.addCleanup(port.stopListening)
        return port

    async def started(self) -> BlockClient:
        """A client of a server."""
        await self.serve()
        return self.client()

    def client(self, secret: bytes = SECRET, timeout_s: float = 30.0) -> BlockClient:
        """A client."""
        client = BlockClient(reactor, self.wire, secret, timeout_s)
        self.clients.append(client)
        return client

    def close_clients(self) -> Deferred[None]:
        """Hangs up, and lets the other side see it."""
        return Deferred.fromCoroutine(self._close_clients())

    async def _close_clients(self) -> None:
        for client in self.clients:
            await client.close()
        await deferLater(reactor, 0.01)
