"""
A whole copy of the journal while it is in use.
"""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path


def copy_database(database: Path) -> Path:
    """
    A file with all that is committed, beside the database.  Its position tells as of when.

    Blocks.  Raises sqlite3.Error.
    """
    target = database.with_name(f"copy-{uuid.uuid4().hex}.db")
    target.touch(mode=0o600)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    return target
