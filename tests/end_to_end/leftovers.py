"""
What a deleted server may leave: nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text
from twisted.internet import reactor

from archipelagod.wire.client import BlockClient
from synnefo_tx.store.database import open_engine
from tests.live.cloud import Cloud

QUOTA = (  # but what networks and default security groups take, which stay
    "SELECT resource, usage_max AS used FROM holdings WHERE usage_max != 0 AND source = '' "
    "AND resource NOT IN ('cyclades.network.private', 'cyclades.subnet', "
    "'cyclades.security_group', 'cyclades.security_group_rule')"
)
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


def in_database(url: str) -> list[Any]:
    """Quota still charged and rows still there."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            found: list[Any] = [tuple(row) for row in connection.execute(text(QUOTA))]
            for table in ROWS:
                rows = connection.execute(text(f"SELECT id FROM {table}"))
                found += [(table, *row) for row in rows]
            return found
    finally:
        engine.dispose()
