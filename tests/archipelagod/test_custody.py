"""
Who has a volume open, while the daemon stops.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from archipelagod.wire.errors import StorageError, StorageUnavailable
from tests.archipelagod.running import MIB, StorageCase


class StoppingTests(StorageCase):
    """A daemon that stops while its own client writes."""

    async def test_writes_meanwhile(self) -> None:
        """They were done, or the answer is that storage is away; never that there is a defect."""
        service = await self.serve()
        volumes = service._volumes
        assert volumes is not None
        for number in range(4):
            await volumes.create(f"v{number}", MIB)
        told: list[BaseException | None] = []

        async def write(name: str) -> None:
            try:
                await volumes.write(name, 0, b"x")
                told.append(None)
            except StorageError as error:
                told.append(error)

        writes = [Deferred.fromCoroutine(write(f"v{number % 4}")) for number in range(40)]
        await volumes.close()
        await gatherResults(writes)
        self.assertEqual(len(told), 40)
        for error in told:
            if error is not None:
                self.assertIsInstance(error, StorageUnavailable)
