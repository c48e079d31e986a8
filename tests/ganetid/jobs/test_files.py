"""
Ganeti's files of jobs, as a program sees them that watches the directory.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.inotify import IN_MOVED_TO, INotify
from twisted.internet.task import deferLater
from twisted.python.filepath import FilePath

from ganetid.jobs.files import KEPT_S
from tests.ganetid.cluster import ClusterTestCase, create_body

KEYS = {"id", "ops", "received_timestamp", "start_timestamp", "end_timestamp", "archived",
        "livelock", "process_id"}  # fmt: skip
OP_KEYS = {"input", "status", "result", "log", "start_timestamp", "exec_timestamp",
           "end_timestamp", "priority"}  # fmt: skip


class JobFileTests(ClusterTestCase):
    """job_files_dir."""

    def watch(self, directory: Path) -> None:
        """Keep names of files that are renamed into it, and what is in them then."""
        self.seen: list[tuple[str, Any]] = []
        notifier = INotify(reactor)
        notifier.startReading()
        self.addCleanup(notifier.loseConnection)

        def moved(_: Any, path: FilePath[bytes], mask: int) -> None:
            name = path.basename().decode()
            if name.startswith("job-"):
                self.seen.append((name, json.loads(path.getContent())))

        notifier.watch(FilePath(str(directory)), IN_MOVED_TO, callbacks=[moved])

    def test_files(self) -> Deferred[None]:
        """Each change of a job is a file that was renamed, whole and in Ganeti's words."""

        async def check() -> None:
            directory = self.directory / "queue"
            directory.mkdir()
            old = directory / "job-9999"
            old.write_text("{}")
            os.utime(old, (0, time.time() - KEPT_S - 60))
            self.watch(directory)
            client = await self.start(job_files_dir=str(directory))
            job = await client.job("POST", "/2/instances", create_body())
            for _ in range(200):
                if self.seen and self.seen[-1][1]["ops"][0]["status"] == "success":
                    break
                await deferLater(reactor, 0.02)
            self.assertGreaterEqual(len(self.seen), 4)  # queued, waiting, running, success
            self.assertEqual({name for name, _ in self.seen}, {f"job-{job['id']}"})
            found = self.seen[-1][1]
            self.assertEqual((set(found), set(found["ops"][0])), (KEYS, OP_KEYS))
            self.assertEqual((found["id"], found["end_timestamp"]), (job["id"], job["end_ts"]))
            op = found["ops"][0]
            self.assertEqual((op["status"], op["result"]), ("success", ["node1"]))
            self.assertEqual(op["input"]["OP_ID"], "OP_INSTANCE_CREATE")
            self.assertNotIn("uuid", json.dumps(op["input"]["osparams_private"]))  # censored
            self.assertEqual((directory / "serial").read_text(), f"{job['id']}\n")
            self.assertEqual((directory / "version").read_text(), "1\n")
            self.assertFalse(old.exists())

        return Deferred.fromCoroutine(check())
