"""
Ganeti 3.0.2's status codes where they mislead: only for who wants them.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import ClusterTestCase

MISLEADING = (
    ("/2/instances/absent/console", 500),
    ("/2/nodes/absent/role", 500),
    ("/2/instances/absent/tags", 500),
    ("/2/jobs/99999", 200),
    ("/2/instances/absent", 404),
)


class StrictTests(ClusterTestCase):
    """The same questions, asked of a ganetid of either kind."""

    def test_codes(self) -> Deferred[None]:
        """404 for all that is not there, or what Ganeti answers."""

        async def check() -> None:
            client = await self.start()
            for path, _ in MISLEADING:
                self.assertEqual((await client.call("GET", path))[0], 404, path)
            client = await self.restart(strict_compat=True)
            for path, status in MISLEADING:
                self.assertEqual((await client.call("GET", path))[0], status, path)

        return Deferred.fromCoroutine(check())
