"""
A batch of news taken in, in the caller's one transaction: facts first, then the ends of tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.effect.rows.ending import ENDINGS, Endings, awaited
from synnefo_tx.reconcile.rows import heartbeats
from synnefo_tx.update.messages import News
from synnefo_tx.update.rows.facts import FACTS, believe

BEAT = "eventd-heartbeat"


def take_in(
    connection: Connection, batch: Sequence[News], now_us: int, endings: Endings = ENDINGS
) -> None:
    """
    News change what is known, in their order, and end the tasks whose jobs they tell of; whoever
    follows the feed is told of the result.
    """
    ids = {row.name: row.id for row in connection.execute(select(clusters.c.name, clusters.c.id))}
    ends = awaited(connection, batch, ids)
    seen = believe(connection, batch, now_us, FACTS)
    endings.end(connection, ends, now_us)
    beats = {ids.get(news.cluster) for news in batch if news.type == BEAT}
    heartbeats.heard(connection, beats, now_us)
    seen.tell(now_us, anew=bool(ends))
