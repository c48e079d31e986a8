"""
What a deleted server may leave: nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from archipelagod.wire.client import BlockClient
from twisted.internet import reactor

from tests.live.cloud import Cloud

QUOTA = "SELECT resource, used FROM holdings WHERE used != 0"
ROWS = ("effects", "ports", "volumes")


async def volumes_of(cloud: Cloud, secret_file: Path) -> list[Any]:
    """What the storage daemon holds: (name, open connections)."""
    client = BlockClient(
        reactor, f"unix:{cloud.block_socket}", secret_file.read_text().strip().encode()
    )
    try:
        found = await client.list()
    finally:
        await client.close()
    return [(volume.name, volume.connections) for volume in found]


def in_database(path: Path) -> list[Any]:
    """Quota still charged and rows still there."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found: list[Any] = database.execute(QUOTA).fetchall()
        for table in ROWS:
            found += [(table, *row) for row in database.execute(f"SELECT id FROM {table}")]
    return found
