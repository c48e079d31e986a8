"""
A database for tests: its units run at once in the calling thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy import Engine, event
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

    engine = hasty(open_engine(where if isinstance(where, str) else f"sqlite:///{where}"))
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        Path(str(engine.url.database)).write_bytes(_empty())
    else:
        create_all(engine)
    return Database(engine, at_once, at_once)


def hasty(engine: Engine) -> Engine:
    """
    The engine, which on SQLite waits for no disk: what it wrote outlives the process, but not the
    machine.
    """
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

    return engine


@cache
def _empty() -> bytes:
    """
    A SQLite database with all tables, made once: to copy it costs a tenth.
    """
    with TemporaryDirectory() as directory:
        path = Path(directory) / "db"
        engine = open_engine(f"sqlite:///{path}")
        create_all(engine)
        engine.dispose()  # closing the last connection empties SQLite's write-ahead log
        return path.read_bytes()
