"""
Hooks around the jobs of a real ganetid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import NAME, Client, ClusterTestCase, create_body
from tests.ganetid.scripts.test_running import write


class HookedJobTests(ClusterTestCase):
    """Jobs with hooks."""

    def hook(self, name: str, body: str) -> Path:
        return write(self.directory / "hooks" / name, body)

    async def hooked(self) -> Client:
        return await self.start(hooks_dir=str(self.directory / "hooks"))

    def told(self, name: str) -> dict[str, str]:
        lines = (self.directory / name).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def test_told(self) -> Deferred[None]:
        """A creation's hooks run before and after it, and know what it makes."""

        async def check() -> None:
            for phase in ("pre", "post"):
                self.hook(f"instance-add-{phase}.d/x", f"env >{self.directory}/{phase}")
            client = await self.hooked()
            job = await client.job("POST", "/2/instances", create_body())
            self.assertEqual(job["status"], "success", job)
            before, after = self.told("pre"), self.told("post")
            self.assertEqual(before["GANETI_INSTANCE_NAME"], NAME)
            self.assertEqual(before["GANETI_INSTANCE_DISK0_SIZE"], "64")
            self.assertEqual(before["GANETI_MASTER"], "node1")
            self.assertEqual(before["GANETI_DATA_DIR"], str(self.directory / "g"))
            self.assertEqual(after["GANETI_POST_INSTANCE_PRIMARY"], "node1")
            self.assertNotIn("meta_data", str(before) + str(after))

        return Deferred.fromCoroutine(check())

    def test_abort(self) -> Deferred[None]:
        """A hook that says no leaves everything as it was, and its word is the job's result."""

        async def check() -> None:
            hook = self.hook("instance-add-pre.d/x", "echo not today; exit 1")
            client = await self.hooked()
            job: dict[str, Any] = await client.job("POST", "/2/instances", create_body())
            failures = [["node1", "instance-add-pre.d/x", "not today"]]
            self.assertEqual(job["opresult"], [["HooksAbort", [failures]]])
            self.assertEqual(self.blocks.volumes.keys(), {"image"})
            hook.unlink()
            job = await client.job("POST", "/2/instances", create_body())
            self.assertEqual(job["status"], "success", job)

        return Deferred.fromCoroutine(check())

    def test_post_failure(self) -> Deferred[None]:
        """A post hook's failure is a warning in the job's log."""

        async def check() -> None:
            self.hook("instance-add-post.d/x", "exit 4")
            client = await self.hooked()
            job = await client.job("POST", "/2/instances", create_body())
            self.assertEqual(job["status"], "success", job)
            lines = [entry[3] for entry in job["oplog"][0]]
            script = "instance-add-post.d/x"
            says = f" - WARNING: On node1 script {script} failed, output: exited with exit code 4"
            self.assertIn(says, lines)

        return Deferred.fromCoroutine(check())
