"""
Facts written into the rows: the only statements by which news changes the cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection, update

from synnefo_tx.compute.rows import servers as server_rows
from synnefo_tx.compute.rules import quotas
from synnefo_tx.effect.plan import server_id_of
from synnefo_tx.network.rows import ports
from synnefo_tx.update.apply import FollowUp, Known, Verdict, after
from synnefo_tx.update.messages import News
from synnefo_tx.update.rows.seen import Seen
from synnefo_tx.volume.rows.tables import volumes


@frozen
class Told:
    """
    One message, about `server` (a namespace of its columns) among those `seen` in its batch.
    """

    news: News
    server: Any
    seen: Seen
    now_us: int


Fact = Callable[[Connection, Told], None]


def believe(
    connection: Connection, batch: Sequence[News], now_us: int, facts: Mapping[str, Sequence[Fact]]
) -> Seen:
    """
    Take in a batch of news, in its order, in the caller's one transaction; the servers it tells of.
    facts: by messages' types; each looks whether the message is any of its business.
    """
    ids = {server_id_of(news.instance) for news in batch if news.type in facts}
    seen = Seen(connection, [server_id for server_id in ids if server_id])
    for news in batch:
        for fact in facts.get(news.type, ()):
            server = seen.get(server_id_of(news.instance))
            if server is not None:
                fact(connection, Told(news, server, seen, now_us))
    seen.write()
    return seen


def state(connection: Connection, told: Told) -> None:
    """
    How the server is, by what became of its jobs.
    """
    server = told.server
    known = Known(server.vm_state, server.task_state, server.power_state, server.as_of)
    verdict = after(known, told.news)
    if verdict.known == known and verdict.follow_up is FollowUp.NOTHING:
        return
    told.seen.keep(server, _values(told, verdict))
    _follow_up(connection, told, verdict)


def node(_connection: Connection, told: Told) -> None:
    """
    Which node the server is on.
    """
    news, server = told.news, told.server
    if news.pnode is not None and news.pnode != server.node and news.at_us >= server.as_of:
        told.seen.keep(server, {"node": news.pnode})


def progress(_connection: Connection, told: Told) -> None:
    """
    How much of its image the server's disk has, in percent.
    """
    if told.news.progress is not None and told.server.vm_state == "building":
        told.seen.keep(told.server, {"progress": min(100, int(told.news.progress))})


FACTS: Mapping[str, Sequence[Fact]] = {
    "ganeti-op-status": (state, node),
    "image-copy-progress": (progress,),
}


def _values(told: Told, verdict: Verdict) -> dict[str, Any]:
    known = verdict.known
    values: dict[str, Any] = {
        "vm_state": known.vm_state,
        "power_state": known.power_state,
        "as_of": known.as_of,
        "updated_at": told.now_us,
    }
    if known.vm_state == "active" and told.server.launched_at is None:
        values["launched_at"] = known.as_of
    if verdict.follow_up is FollowUp.BUILT:
        values["host"] = told.news.cluster  # Nova's host
    if known.vm_state != "error":
        values["fault"] = None
    return values


def _follow_up(connection: Connection, told: Told, verdict: Verdict) -> None:
    """
    What else the news means; most mean nothing else.
    """
    now_us = told.now_us
    if verdict.follow_up is FollowUp.NOTHING:
        _charge(told)
        return
    row = told.seen.settled(told.server)
    match verdict.follow_up:
        case FollowUp.GONE:
            server_rows.release(connection, row, now_us)
        case FollowUp.BUILT:
            ports.set_status(connection, row.id, "ACTIVE", now_us)
            connection.execute(
                update(volumes)
                .where(volumes.c.server_id == row.id)
                .values(status="in-use", updated_at=now_us)
            )
    row = told.seen.settled(row)
    if row is not None:
        _charge(evolve(told, server=row))


def _charge(told: Told) -> None:
    """
    What only servers that run take of the quota is charged, whatever the limits, or returned.
    """
    server, seen = told.server, told.seen
    if server.vm_state == "active":
        more = quotas.to_start(server.reserved)
        if more:
            seen.charge(server_rows.payer_of(server), more)
            seen.keep(server, {"reserved": {**server.reserved, **more}})
    elif server.vm_state in ("stopped", "suspended") and server.task_state is None:
        freed = quotas.to_stop(server.reserved)
        if freed:
            seen.charge(server_rows.payer_of(server), {name: -held for name, held in freed.items()})
            left = {name: held for name, held in server.reserved.items() if name not in freed}
            seen.keep(server, {"reserved": left})
