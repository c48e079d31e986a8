"""
The journal: jobs, the configuration and the outbox in one database, changed together.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import field, frozen

from ganetid.cluster.configuration import Snapshot
from ganetid.cluster.model import Change, ClusterFacts, FilterRule
from ganetid.jobs import stored
from ganetid.jobs.changes import (
    documents,
    get_fact,
    put_fact,
    read_filters,
    read_snapshot,
    store,
)
from ganetid.jobs.database import Database
from ganetid.jobs.model import Job
from ganetid.jobs.shown import listed_json
from ganetid.jobs.stored import Page

_encode = msgspec.json.encode


@frozen
class Message:
    """News for the event bus, as it will be published."""

    routing_key: str
    body: bytes


@frozen
class Waiting:
    """A message in the outbox."""

    id: int
    message: Message


@frozen
class Commit:
    """
    What becomes durable together.

    forget_secrets: job ids whose private parameters are no longer needed.
    last_stamp: the newest time stamp in it, so that a restart never goes back.
    """

    jobs: tuple[Job, ...] = ()
    changes: tuple[Change, ...] = ()
    messages: tuple[Message, ...] = ()
    forget_secrets: tuple[int, ...] = ()
    last_stamp: int = 0


@frozen
class Submission:
    """A new job, its private parameters and its news."""

    job: Job
    secrets: dict[str, Any]
    messages: tuple[Message, ...] = ()


@frozen
class Beginning:
    """What the journal holds at start."""

    snapshot: Snapshot
    unfinished: tuple[Job, ...]
    secrets: dict[int, dict[str, Any]] = field(factory=dict)
    next_job_id: int = 1
    last_stamp: int = 0
    filters: tuple[FilterRule, ...] = ()


class Journal:
    """Durable state of the cluster.  What changes it answers after the disk has it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, now: float) -> Beginning:
        """Open it and read what is needed in memory."""
        await self._database.open()
        return await self._database.transact(_begin, now)

    async def submit(self, submissions: Sequence[Submission], last_stamp: int = 0) -> list[int]:
        """
        Store new jobs, all or none.

        Returns their ids; where a job with the same effect is there already, that one's id, and
        then this one is not stored.
        """
        return await self._database.transact(_submit, tuple(submissions), last_stamp)

    async def commit(self, commit: Commit) -> None:
        """Store it."""
        await self._database.transact(_commit, commit)

    async def job(self, job_id: int) -> Job | None:
        """The job, also one that is archived."""
        return await self._database.read(stored.read_job, job_id)

    async def jobs(self) -> list[Job]:
        """All jobs that are not archived, by id."""
        return await self._database.read(stored.read_jobs)

    async def finished(self, page: Page) -> list[tuple[int, bytes]]:
        """(id, JSON for a list) of jobs that have ended and are not archived, by id."""
        return await self._database.read(stored.read_finished, page)

    async def finished_ids(self, page: Page) -> list[int]:
        """Ids of jobs that have ended and are not archived, ascending."""
        return await self._database.read(stored.read_finished_ids, page)

    async def archive(self, ended_before: int, forget_before: int) -> int:
        """Archive jobs that ended before the stamp; drop older ones.  Returns how many."""
        return await self._database.transact(stored.archive, ended_before, forget_before)

    async def archive_one(self, job_id: int) -> bool:
        """Archive a job; False when there is none that has ended and is not archived."""
        return await self._database.transact(stored.archive_one, job_id)

    async def outbox(self, limit: int) -> list[Waiting]:
        """The oldest messages not yet published."""
        return await self._database.transact(_outbox, limit)

    async def told(self, after: int, limit: int) -> list[Waiting]:
        """Messages after the one with this id, the oldest first; the last 10,000 are kept."""
        return await self._database.read(_told, after, limit)

    async def told_range(self) -> tuple[int, int]:
        """(oldest, newest) id of messages that are kept; (1, 0) when there is none."""
        return await self._database.read(_told_range)

    async def published(self, last_id: int) -> None:
        """Drop messages up to and including this one."""
        await self._database.transact(_published, last_id)

    async def close(self) -> None:
        """Finish and close.  Idempotent."""
        await self._database.close()


def _begin(connection: sqlite3.Connection, now: float) -> Beginning:
    facts = get_fact(connection, "cluster")
    if facts is None:
        facts = _encode(
            ClusterFacts(str(uuid.uuid4()), str(uuid.uuid4()), str(uuid.uuid4()), ctime=now)
        )
        put_fact(connection, "cluster", facts)
    (last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM jobs").fetchone()
    seen = int(get_fact(connection, "last_job_id") or b"0")
    return Beginning(
        snapshot=read_snapshot(connection, msgspec.json.decode(facts, type=ClusterFacts)),
        unfinished=tuple(
            documents(connection, "SELECT document FROM jobs WHERE ended IS NULL ORDER BY id", Job)
        ),
        secrets={
            job: msgspec.json.decode(document)
            for job, document in connection.execute("SELECT job, document FROM job_secrets")
        },
        next_job_id=max(last_id, seen) + 1,
        last_stamp=int(get_fact(connection, "last_stamp") or b"0"),
        filters=read_filters(connection),
    )


def _submit(
    connection: sqlite3.Connection, submissions: tuple[Submission, ...], last_stamp: int
) -> list[int]:
    ids = [_enter(connection, each) for each in submissions]
    if last_stamp:
        put_fact(connection, "last_stamp", b"%d" % last_stamp)
    return ids


def _enter(connection: sqlite3.Connection, submission: Submission) -> int:
    job = submission.job
    if job.effect is not None:
        row = connection.execute("SELECT id FROM jobs WHERE effect = ?", (job.effect,)).fetchone()
        if row is not None:
            return int(row[0])
    _commit(connection, Commit(jobs=(job,), messages=submission.messages))
    seen = int(get_fact(connection, "last_job_id") or b"0")
    put_fact(connection, "last_job_id", b"%d" % max(job.id, seen))
    if submission.secrets:
        secrets = _encode(submission.secrets)
        connection.execute("INSERT INTO job_secrets VALUES (?, ?)", (job.id, secrets))
    return job.id


def _commit(connection: sqlite3.Connection, commit: Commit) -> None:
    for job in commit.jobs:
        connection.execute(
            "INSERT INTO jobs (id, status, received, ended, effect, document, shown)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
            " ended = excluded.ended, document = excluded.document, shown = excluded.shown",
            (job.id, job.status, job.received, job.end, job.effect, _encode(job),
             None if job.end is None else listed_json(job)),
        )  # fmt: skip
    for change in commit.changes:
        store(connection, change)
    connection.executemany(
        "INSERT INTO outbox (routing_key, body) VALUES (?, ?)",
        [(message.routing_key, message.body) for message in commit.messages],
    )
    connection.executemany(
        "DELETE FROM job_secrets WHERE job = ?", [(job,) for job in commit.forget_secrets]
    )
    if commit.last_stamp:
        put_fact(connection, "last_stamp", b"%d" % commit.last_stamp)


def _outbox(connection: sqlite3.Connection, limit: int) -> list[Waiting]:
    rows: Sequence[tuple[int, str, bytes]] = connection.execute(
        "SELECT id, routing_key, body FROM outbox ORDER BY id LIMIT ?", (limit,)
    ).fetchall()
    return [Waiting(row_id, Message(key, bytes(body))) for row_id, key, body in rows]


def _published(connection: sqlite3.Connection, last_id: int) -> None:
    connection.execute("DELETE FROM outbox WHERE id <= ?", (last_id,))


def _told(connection: sqlite3.Connection, after: int, limit: int) -> list[Waiting]:
    rows: Sequence[tuple[int, str, bytes]] = connection.execute(
        "SELECT id, routing_key, body FROM told WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
    ).fetchall()
    return [Waiting(row_id, Message(key, bytes(body))) for row_id, key, body in rows]


def _told_range(connection: sqlite3.Connection) -> tuple[int, int]:
    row = connection.execute("SELECT min(id), max(id) FROM told").fetchone()
    return (1, 0) if row[0] is None else (int(row[0]), int(row[1]))
