"""
What volumes and snapshots use, counted from their rows.  Servers' own disks are counted with them.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, false, select

from synnefo_tx.quota.model import Key
from synnefo_tx.quota.registered import DISK, SNAPSHOT, VOLUME
from synnefo_tx.quota.rows.verify import Census
from synnefo_tx.volume.rows.charges import payer_of
from synnefo_tx.volume.rows.tables import snapshots, volumes

AT_ONCE = 1000  # rows in memory


def count(connection: Connection) -> Counter[Key]:
    """
    What each of them was charged.
    """
    used: Counter[Key] = Counter()
    for table, those in ((volumes, volumes.c.is_local == false()), (snapshots, None)):
        wanted = select(table.c.user_id, table.c.project_id, table.c.reserved)
        wanted = wanted if those is None else wanted.where(those)
        for row in connection.execute(wanted.execution_options(yield_per=AT_ONCE)):
            for name, amount in row.reserved.items():
                for key in payer_of(row).keys(name):
                    used[key] += amount
    return used


CENSUS = Census(frozenset({VOLUME, DISK, SNAPSHOT}), count)
