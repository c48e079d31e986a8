"""
What servers use, counted from their rows.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Column, Connection, case, func, select, true

from synnefo_tx.compute.rows.servers import payer_of
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import quotas
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.quota.model import Key, Payer
from synnefo_tx.quota.registered import DISK, GIB, PORT, VOLUME
from synnefo_tx.quota.rows.verify import Census
from synnefo_tx.volume.rows.tables import volumes

AT_ONCE = 1000  # servers in memory
_ASKED = tuple(
    servers.c[name] for name in ("id", "project_id", "user_id", "flavor", "reserved", "resize")
)


def count(connection: Connection) -> Counter[Key]:
    """
    Servers, their own disks and ports; those of none are their projects' alone.  A server that
    came to nothing holds nothing, nor do its disks and ports.
    """
    used: Counter[Key] = Counter()
    things = _things(connection)
    known = select(*_ASKED).where(servers.c.deleted_at.is_(None))
    for server in connection.execute(known.execution_options(yield_per=AT_ONCE)):
        own = things.pop((server.project_id, server.id), Counter())
        if server.reserved:
            _charge(used, payer_of(server), _of_server(server) | own)
    for (project_id, _), own in things.items():
        _charge(used, Payer("", project_id), own)
    return used


def _of_server(server: Any) -> Counter[str]:
    change = server.resize or {}
    flavors = [server.flavor, *(change[name] for name in ("old", "new") if change)]
    vcpus, ram_mib = (max(flavor[name] for flavor in flavors) for name in ("vcpus", "ram"))
    amounts = Counter(quotas.charges(vcpus, ram_mib, 0, 0))
    del amounts[VOLUME], amounts[DISK], amounts[PORT]
    if not quotas.to_stop(server.reserved):
        for name in quotas.RUNNING:
            del amounts[name]
    return amounts


def _things(connection: Connection) -> dict[tuple[str, str], Counter[str]]:
    """
    Servers' own disks and ports by project and server.
    """
    found: dict[tuple[str, str], Counter[str]] = {}
    size = func.sum(volumes.c.size_gib)
    for table, owner, more in (
        (volumes, volumes.c.server_id, size),
        (ports, case((ports.c.is_own, ""), else_=ports.c.device_id), func.sum(0)),
    ):
        project: Column[str] = table.c.project_id
        grouped = select(
            project, owner.label("owner"), func.count().label("many"), more.label("gib")
        ).group_by(project, owner)
        if table is volumes:
            grouped = grouped.where(volumes.c.is_local == true())
        for row in connection.execute(grouped):
            own = found.setdefault((row.project_id, row.owner or ""), Counter())
            if table is volumes:
                own[VOLUME], own[DISK] = row.many, int(row.gib) * GIB
            else:
                own[PORT] = row.many
    return found


def _charge(used: Counter[Key], payer: Payer, amounts: Counter[str]) -> None:
    for name, amount in amounts.items():
        for key in payer.keys(name):
            used[key] += amount


CENSUS = Census(frozenset(quotas.charges(0, 0, 0, 0)), count)
