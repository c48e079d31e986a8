"""
The journal: jobs, the configuration and the outbox in one database, changed together.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from attrs import field, frozen

from ganetid.cluster.configuration import Snapshot
from ganetid.cluster.model import (
    AddDebris,
    Change,
    ClusterFacts,
    Debris,
    DropDebris,
    DropGroup,
    DropInstance,
    DropMember,
    DropNetwork,
    Group,
    Instance,
    Member,
    Network,
    PutFacts,
    PutGroup,
    PutInstance,
    PutMember,
    PutNetwork,
)
from ganetid.jobs.database import Database
from ganetid.jobs.model import Job

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
class Beginning:
    """What the journal holds at start."""

    snapshot: Snapshot
    unfinished: tuple[Job, ...]
    secrets: dict[int, dict[str, Any]] = field(factory=dict)
    next_job_id: int = 1
    last_stamp: int = 0


class Journal:
    """Durable state of the cluster.  Every method answers after the disk has it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, now: float) -> Beginning:
        """Open it and read what is needed in memory."""
        await self._database.open()
        return await self._database.transact(_begin, now)

    async def submit(self, commit: Commit, secrets: dict[str, Any] | None) -> int:
        """
        Store the new job in `commit`, with its private parameters.

        Returns its id; or, when a job with the same effect is there already, that one's id, and
        then nothing is stored.
        """
        return await self._database.transact(_submit, commit, secrets)

    async def commit(self, commit: Commit) -> None:
        """Store it."""
        await self._database.transact(_commit, commit)

    async def job(self, job_id: int) -> Job | None:
        """The job, unless there is none or it is archived."""
        return await self._database.transact(_job, job_id)

    async def jobs(self) -> list[Job]:
        """All jobs that are not archived, by id."""
        return await self._database.transact(_jobs)

    async def job_ids(self) -> list[int]:
        """Ids of all jobs that are not archived, ascending."""
        return await self._database.transact(_job_ids)

    async def archive(self, ended_before: int, forget_before: int) -> int:
        """Archive jobs that ended before the stamp; drop older ones.  Returns how many."""
        return await self._database.transact(_archive, ended_before, forget_before)

    async def outbox(self, limit: int) -> list[Waiting]:
        """The oldest messages not yet published."""
        return await self._database.transact(_outbox, limit)

    async def published(self, last_id: int) -> None:
        """Drop messages up to and including this one."""
        await self._database.transact(_published, last_id)

    async def close(self) -> None:
        """Finish and close.  Idempotent."""
        await self._database.close()


def _begin(connection: sqlite3.Connection, now: float) -> Beginning:
    facts = _get_fact(connection, "cluster")
    if facts is None:
        facts = _encode(
            ClusterFacts(str(uuid.uuid4()), str(uuid.uuid4()), str(uuid.uuid4()), ctime=now)
        )
        _put_fact(connection, "cluster", facts)
    snapshot = Snapshot(
        facts=msgspec.json.decode(facts, type=ClusterFacts),
        instances=tuple(_documents(connection, "SELECT document FROM instances", Instance)),
        networks=tuple(_documents(connection, "SELECT document FROM networks", Network)),
        debris=tuple(_documents(connection, "SELECT document FROM debris", Debris)),
        members=tuple(_documents(connection, "SELECT document FROM members", Member)),
        groups=tuple(_documents(connection, "SELECT document FROM groups", Group)),
    )
    (last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM jobs").fetchone()
    seen = int(_get_fact(connection, "last_job_id") or b"0")
    return Beginning(
        snapshot=snapshot,
        unfinished=tuple(
            _documents(connection, "SELECT document FROM jobs WHERE ended IS NULL ORDER BY id", Job)
        ),
        secrets={
            job: msgspec.json.decode(document)
            for job, document in connection.execute("SELECT job, document FROM job_secrets")
        },
        next_job_id=max(last_id, seen) + 1,
        last_stamp=int(_get_fact(connection, "last_stamp") or b"0"),
    )


def _submit(connection: sqlite3.Connection, commit: Commit, secrets: dict[str, Any] | None) -> int:
    (job,) = commit.jobs
    if job.effect is not None:
        row = connection.execute("SELECT id FROM jobs WHERE effect = ?", (job.effect,)).fetchone()
        if row is not None:
            return int(row[0])
    _commit(connection, commit)
    _put_fact(connection, "last_job_id", b"%d" % job.id)
    if secrets:
        connection.execute("INSERT INTO job_secrets VALUES (?, ?)", (job.id, _encode(secrets)))
    return job.id


def _commit(connection: sqlite3.Connection, commit: Commit) -> None:
    for job in commit.jobs:
        connection.execute(
            "INSERT INTO jobs (id, status, received, ended, effect, document)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " status = excluded.status, ended = excluded.ended, document = excluded.document",
            (job.id, job.status, job.received, job.end, job.effect, _encode(job)),
        )
    for change in commit.changes:
        _store(connection, change)
    connection.executemany(
        "INSERT INTO outbox (routing_key, body) VALUES (?, ?)",
        [(message.routing_key, message.body) for message in commit.messages],
    )
    connection.executemany(
        "DELETE FROM job_secrets WHERE job = ?", [(job,) for job in commit.forget_secrets]
    )
    if commit.last_stamp:
        _put_fact(connection, "last_stamp", b"%d" % commit.last_stamp)


def _store(connection: sqlite3.Connection, change: Change) -> None:
    match change:
        case PutInstance(instance):
            _put(connection, "INSERT OR REPLACE INTO instances VALUES (?, ?)", instance)
        case PutNetwork(network):
            _put(connection, "INSERT OR REPLACE INTO networks VALUES (?, ?)", network)
        case PutMember(member):
            _put(connection, "INSERT OR REPLACE INTO members VALUES (?, ?)", member)
        case PutGroup(group):
            _put(connection, "INSERT OR REPLACE INTO groups VALUES (?, ?)", group)
        case DropMember(name):
            connection.execute("DELETE FROM members WHERE name = ?", (name,))
        case DropGroup(name):
            connection.execute("DELETE FROM groups WHERE name = ?", (name,))
        case DropInstance(name):
            connection.execute("DELETE FROM instances WHERE name = ?", (name,))
        case DropNetwork(name):
            connection.execute("DELETE FROM networks WHERE name = ?", (name,))
        case PutFacts(facts):
            _put_fact(connection, "cluster", _encode(facts))
        case AddDebris(debris):
            connection.execute("INSERT OR IGNORE INTO debris VALUES (?)", (_encode(debris),))
        case DropDebris(debris):
            connection.execute("DELETE FROM debris WHERE document = ?", (_encode(debris),))


def _put(
    connection: sqlite3.Connection, statement: str, thing: Instance | Network | Member | Group
) -> None:
    connection.execute(statement, (thing.name, _encode(thing)))


def _put_fact(connection: sqlite3.Connection, key: str, document: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, document))


def _get_fact(connection: sqlite3.Connection, key: str) -> bytes | None:
    row = connection.execute("SELECT document FROM facts WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def _documents(connection: sqlite3.Connection, query: str, kind: type[Any]) -> Iterable[Any]:
    for (document,) in connection.execute(query):
        yield msgspec.json.decode(document, type=kind)


def _job(connection: sqlite3.Connection, job_id: int) -> Job | None:
    row = connection.execute(
        "SELECT document FROM jobs WHERE id = ? AND NOT archived", (job_id,)
    ).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Job)


def _jobs(connection: sqlite3.Connection) -> list[Job]:
    query = "SELECT document FROM jobs WHERE NOT archived ORDER BY id"
    return list(_documents(connection, query, Job))


def _job_ids(connection: sqlite3.Connection) -> list[int]:
    query = "SELECT id FROM jobs WHERE NOT archived ORDER BY id"
    return [job_id for (job_id,) in connection.execute(query)]


def _archive(connection: sqlite3.Connection, ended_before: int, forget_before: int) -> int:
    connection.execute("DELETE FROM jobs WHERE ended < ?", (forget_before,))
    cursor = connection.execute(
        "UPDATE jobs SET archived = 1 WHERE ended < ? AND NOT archived", (ended_before,)
    )
    return cursor.rowcount


def _outbox(connection: sqlite3.Connection, limit: int) -> list[Waiting]:
    rows: Sequence[tuple[int, str, bytes]] = connection.execute(
        "SELECT id, routing_key, body FROM outbox ORDER BY id LIMIT ?", (limit,)
    ).fetchall()
    return [Waiting(row_id, Message(key, bytes(body))) for row_id, key, body in rows]


def _published(connection: sqlite3.Connection, last_id: int) -> None:
    connection.execute("DELETE FROM outbox WHERE id <= ?", (last_id,))
