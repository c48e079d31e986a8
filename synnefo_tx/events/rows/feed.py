"""
Writing the feed, in the transaction that changes what it tells of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen
from sqlalchemy import Connection, insert, literal, literal_column

from synnefo_tx.events.rows.tables import feed


@frozen(kw_only=True)
class Event:
    """
    One line of the feed.

    kind: server, volume, network, port, ...  name: created, changed, deleted, failed, ...
    body: what a client needs to know without asking (JSON).
    """

    project_id: str
    kind: str
    thing_id: str
    name: str
    body: dict[str, Any] = field(factory=dict)


def append(connection: Connection, event: Event, now_us: int) -> None:
    """
    Tell the project's followers, once this transaction is committed.
    """
    append_all(connection, [event], now_us)


def append_all(connection: Connection, events: Sequence[Event], now_us: int) -> None:
    """
    The same of several, in one statement.
    """
    if events:
        connection.execute(
            insert(feed).values(tx=_transaction(connection)),
            [
                {
                    "project_id": event.project_id,
                    "kind": event.kind,
                    "thing_id": event.thing_id,
                    "event": event.name,
                    "body": event.body,
                    "at": now_us,
                }
                for event in events
            ],
        )


def _transaction(connection: Connection) -> Any:
    if connection.dialect.name == "postgresql":
        return literal_column("pg_current_xact_id()::text::bigint")
    return literal(0)
