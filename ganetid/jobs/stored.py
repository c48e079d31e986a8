"""
Jobs in the journal's tables: looked up, listed, archived.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from attrs import evolve, frozen

from ganetid.jobs.changes import documents
from ganetid.jobs.model import Job
from ganetid.jobs.shown import listed_json


@frozen
class Page:
    """
    Which finished jobs a list wants.

    after: those with greater numbers.  limit: the first so many.  status: those that ended so.
    """

    after: int = 0
    limit: int | None = None
    status: tuple[str, ...] = ()


def read_job(connection: sqlite3.Connection, job_id: int) -> Job | None:
    """The job, also an archived one."""
    row = connection.execute(
        "SELECT document, archived FROM jobs WHERE id = ?", (job_id,)
    ).fetchone()
    if row is None:
        return None
    return evolve(msgspec.json.decode(row[0], type=Job), archived=bool(row[1]))


def read_jobs(connection: sqlite3.Connection) -> list[Job]:
    """All that are not archived, by id."""
    query = "SELECT document FROM jobs WHERE NOT archived ORDER BY id"
    return list(documents(connection, query, Job))


def read_finished(connection: sqlite3.Connection, page: Page) -> list[tuple[int, bytes]]:
    """(id, JSON for a list) of the jobs of a page."""
    # written before the column was: the document alone
    rows = connection.execute(*_paged("id, shown, CASE WHEN shown IS NULL THEN document END", page))
    return [
        (job_id, shown or listed_json(msgspec.json.decode(document, type=Job)))
        for job_id, shown, document in rows
    ]


def read_finished_ids(connection: sqlite3.Connection, page: Page) -> list[int]:
    """The ids of the jobs of a page."""
    return [job_id for (job_id,) in connection.execute(*_paged("id", page))]


def _paged(columns: str, page: Page) -> tuple[str, tuple[Any, ...]]:
    """The query for a page, and its values."""
    marks = ", ".join("?" for _ in page.status)
    wanted = f"status IN ({marks})" if marks else "status IN ('success', 'error', 'canceled')"
    query = (
        f"SELECT {columns} FROM jobs WHERE NOT archived AND id > ? AND {wanted}"  # noqa: S608
        " ORDER BY id LIMIT ?"
    )
    return query, (page.after, *page.status, -1 if page.limit is None else page.limit)


def archive(connection: sqlite3.Connection, ended_before: int, forget_before: int) -> int:
    """See Journal.archive."""
    connection.execute("DELETE FROM jobs WHERE ended < ?", (forget_before,))
    cursor = connection.execute(
        "UPDATE jobs SET archived = 1 WHERE ended < ? AND NOT archived", (ended_before,)
    )
    return cursor.rowcount


def archive_one(connection: sqlite3.Connection, job_id: int) -> bool:
    """See Journal.archive_one."""
    cursor = connection.execute(
        "UPDATE jobs SET archived = 1 WHERE id = ? AND ended IS NOT NULL AND NOT archived",
        (job_id,),
    )
    return cursor.rowcount > 0
