"""
Hooks around the opcodes of jobs.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from ganetid.hooks.run import FAIL, PRE, SUCCESS, HookResult
from ganetid.hooks.runner import HookRunner
from tests.ganetid.cluster import NAME, ClusterTestCase, create_body


class HookedTests(ClusterTestCase):
    """What hooks see, and what their failure does."""

    async def run_on(self, node: str, path: str, phase: str, environment: Any) -> Any:
        self.runs.append((phase, path, environment.get("GANETI_INSTANCE_NAME")))
        outcome = FAIL if phase == self.fails else SUCCESS
        return (HookResult(f"{path}-{phase}.d/x", outcome, "no"),)

    def test_around(self) -> Deferred[None]:
        """Pre hooks come before, and may refuse it; post hooks that fail are a line in the log."""

        async def check() -> None:
            self.runs: list[Any] = []
            self.fails = ""
            client = await self.start()
            floor = self.services[-1].master._queue._floor  # type: ignore[union-attr]
            floor._desk = evolve(floor._desk, hooks=HookRunner(self.run_on, "/x"))
            self.fails = PRE
            job = await client.job("POST", "/2/instances", create_body())
            self.assertEqual((job["status"], job["opresult"][0][0]), ("error", "HooksAbort"))
            self.assertEqual(self.world, {})
            self.runs.clear()
            self.fails = "post"
            job = await client.job("POST", "/2/instances", create_body())
            self.assertEqual(job["status"], "success")
            self.assertEqual({run[0] for run in self.runs}, {"pre", "post"})
            self.assertEqual({run[1:] for run in self.runs}, {("instance-add", NAME)})
            self.assertIn("instance-add-post.d/x failed", job["oplog"][0][-1][3])

        return Deferred.fromCoroutine(check())
