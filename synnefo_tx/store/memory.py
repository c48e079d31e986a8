"""
A database for tests: its units run at once in the calling thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import execute

from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.schema import create_all

T = TypeVar("T")


def immediate_database(where: Path | str) -> Database:
    """
    A fresh database whose `read` and `write` never leave the calling thread.

    where: the path of a SQLite file, or the URL of an empty database.
    """

    def at_once(job: Callable[[], T]) -> Awaitable[T]:
        return execute(job)

    engine = open_engine(where if isinstance(where, str) else f"sqlite:///{where}")
    create_all(engine)
    return Database(engine, at_once, at_once)
