"""
A database for tests: in a file of the caller's, its units run at once in the calling thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import execute

from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.schema import create_all

T = TypeVar("T")


def immediate_database(path: Path) -> Database:
    """
    A fresh SQLite database at `path` whose `read` and `write` never leave the calling thread.
    """

    def at_once(job: Callable[[], T]) -> Awaitable[T]:
        return execute(job)

    engine = open_engine(f"sqlite:///{path}")
    create_all(engine)
    return Database(engine, at_once, at_once)
