"""
Databases that the migrations made: once, and a copy for each test.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synnefo_tx.store.database import open_engine
from synnefo_tx.store.schema import upgrade
from tests.live.postgresql import shared_server


def migrated_url(case: Any) -> str:
    """
    Of a SQLite database for the test `case`.
    """
    path = Path(case.mktemp()).absolute()
    path.write_bytes(_migrated())
    return f"sqlite:///{path}"


def migrated_in_server() -> str:
    """
    The URL of a PostgreSQL database.
    """
    return shared_server().new_database(_migrated_in_server())


@cache
def _migrated_in_server() -> str:
    url = shared_server().new_database()
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    return url


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "db"
        engine = open_engine(f"sqlite:///{path}")
        upgrade(engine)
        engine.dispose()  # closing the last connection empties SQLite's write-ahead log
        return path.read_bytes()
