"""
The servers that a batch of news tells of: read in one statement, changed in memory, and written in
one more for all that changed alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules.states import status
from synnefo_tx.events.rows import feed
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.rows import holdings


class Seen:
    """
    A server is a namespace with its row's columns.  What else reads or changes servers in the
    database is used between `settled` calls.
    """

    def __init__(self, connection: Connection, server_ids: Iterable[str]) -> None:
        self._connection = connection
        self._changed: dict[str, dict[str, Any]] = {}
        self._charges: dict[Payer, Counter[str]] = {}
        self._servers = {row.id: _space(row) for row in _rows(connection, server_ids)}
        self._told = {id_: _shown(server) for id_, server in self._servers.items()}

    def get(self, server_id: str | None) -> Any:
        """
        The server as it is known by now; None when it is not ours, or gone.
        """
        return self._servers.get(server_id) if server_id is not None else None

    def keep(self, server: Any, values: dict[str, Any]) -> None:
        """
        The server's columns have these values from now on.
        """
        vars(server).update(values)
        self._changed.setdefault(server.id, {}).update(values)

    def charge(self, payer: Payer, amounts: Mapping[str, int]) -> None:
        """
        The payer uses so much more (or less) of the quota, whatever the limits.
        """
        self._charges.setdefault(payer, Counter()).update(amounts)

    def settled(self, server: Any) -> Any:
        """
        The server once all that is kept of it is in the database: read anew, None when it is gone.
        """
        values = self._changed.pop(server.id, None)
        if values:
            self._connection.execute(
                update(servers).where(servers.c.id == server.id).values(**values)
            )
        row = next(iter(_rows(self._connection, [server.id])), None)
        if row is None:
            del self._servers[server.id]
            return None
        self._servers[server.id] = _space(row)
        return self._servers[server.id]

    def write(self) -> None:
        """
        All that is kept is in the database, and charged.
        """
        self._write_charges()
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for server_id, values in self._changed.items():
            bound = {f"new_{name}": value for name, value in values.items()}
            alike.setdefault(tuple(sorted(values)), []).append({"of": server_id, **bound})
        for names, rows in alike.items():
            changed: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
            self._connection.execute(
                update(servers).where(servers.c.id == bindparam("of")).values(changed), rows
            )
        self._changed.clear()

    def _write_charges(self) -> None:
        """
        One change for each payer, in an order that all writers have.
        """
        for payer in sorted(self._charges, key=lambda payer: (payer.project_id, payer.user_id)):
            amounts = self._charges[payer]
            more = {name: amount for name, amount in amounts.items() if amount > 0}
            less = {name: -amount for name, amount in amounts.items() if amount < 0}
            if more:
                holdings.take(self._connection, payer, more, force=True)
            if less:
                holdings.give_back(self._connection, payer, less)
        self._charges.clear()

    def tell(self, now_us: int, anew: bool) -> None:
        """
        Those who follow the feed are told of what has changed for users.  anew: others have changed
        servers since `write`.
        """
        if anew:
            rows = _rows(self._connection, list(self._told))
            self._servers = {row.id: _space(row) for row in rows}
        feed.append_all(self._connection, self._events(), now_us)

    def _events(self) -> list[feed.Event]:
        """
        One for each server that its user sees changed, whatever happened to it in between.
        """
        events = []
        for server_id, before in self._told.items():
            server = self._servers.get(server_id)
            if server is None:
                events.append(_event(before, "deleted"))
            elif _shown(server) != before:
                events.append(_event(_shown(server), "changed"))
        return events


def _event(shown: dict[str, Any], name: str) -> feed.Event:
    body = {key: value for key, value in shown.items() if key not in ("project_id", "id")}
    return feed.Event(
        project_id=shown["project_id"],
        kind="server",
        thing_id=shown["id"],
        name=name,
        body=body if name == "changed" else {},
    )


def _shown(server: Any) -> dict[str, Any]:
    return {
        "id": server.id,
        "project_id": server.project_id,
        "status": status(server.vm_state, server.task_state),
        "task_state": server.task_state,
        "progress": server.progress,
    }


def _space(row: Any) -> SimpleNamespace:
    return SimpleNamespace(**row._mapping)


def _rows(connection: Connection, server_ids: Iterable[str]) -> list[Any]:
    """
    In the order of their ids: listeners that tell of the same servers don't wait for each other in
    a circle.
    """
    return list(
        connection.execute(
            select(servers)
            .where(servers.c.id.in_(server_ids), servers.c.deleted_at.is_(None))
            .order_by(servers.c.id)
            .with_for_update()
        )
    )
