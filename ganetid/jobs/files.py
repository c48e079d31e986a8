"""
Jobs as Ganeti's files ``job-<id>``, for programs that watch its queue directory.

They are written in the background, and nobody here reads them: the journal is what counts.
Source: Ganeti 3.0.2, lib/jqueue; Synnefo's snf-ganeti-eventd watches for their renames.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.jobs.model import Job, Op, pair

VERSION = "1"  # of Ganeti's queue
KEPT_S = 6 * 3600.0  # as long as Ganeti's watcher leaves jobs before it archives them
TIDIED_EVERY = 1000  # files


def document(job: Job) -> dict[str, Any]:
    """The job as Ganeti serializes it."""
    return {
        "id": job.id,
        "ops": [_op(op) for op in job.ops],
        "received_timestamp": pair(job.received),
        "start_timestamp": pair(job.start),
        "end_timestamp": pair(job.end),
        "livelock": None,
        "process_id": None,
        "archived": job.archived,
    }


def _op(op: Op) -> dict[str, Any]:
    return {
        "input": op.input,
        "status": op.status,
        "result": op.result,
        "log": [[each.serial, pair(each.at), each.kind, each.text] for each in op.log],
        "start_timestamp": pair(op.start),
        "exec_timestamp": pair(op.executed),
        "end_timestamp": pair(op.end),
        "priority": op.priority,
    }


class JobFiles(Service):
    """Every change of a job becomes a file, in order; `heard` is told of them."""

    name = "job files"
    _log = Logger()

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: deque[Job] = deque()
        self._writing: Deferred[None] = succeed(None)
        self._is_writing = False
        self._newest = 0
        self._written = 0

    def heard(self, job: Job) -> None:
        """The job has changed."""
        self._waiting.append(job)
        if not self._is_writing:
            self._is_writing = True
            self._writing = Deferred.fromCoroutine(self._write_all())

    def stopService(self) -> Deferred[None]:
        """What was heard is written."""
        super().stopService()
        return self._writing

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                jobs = tuple(self._waiting)
                self._waiting.clear()
                await deferToThread(self._write, jobs)
        except OSError as error:  # the queue goes on without them
            self._log.error("files of jobs were not written: {error}", error=error)
        finally:
            self._is_writing = False

    def _write(self, jobs: tuple[Job, ...]) -> None:
        self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        if not self._written:
            self._replace("version", f"{VERSION}\n".encode())
        for job in jobs:
            self._replace(f"job-{job.id}", msgspec.json.encode(document(job)))
            self._written += 1
            if self._written % TIDIED_EVERY == 1:
                self._tidy(time.time() - KEPT_S)
        newest = max(job.id for job in jobs)
        if newest > self._newest:
            self._newest = newest
            self._replace("serial", f"{newest}\n".encode())

    def _replace(self, name: str, content: bytes) -> None:
        partial = self._directory / f".{name}.new"
        partial.write_bytes(content)
        partial.chmod(0o640)
        partial.replace(self._directory / name)

    def _tidy(self, before: float) -> None:
        for path in self._directory.glob("job-*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
