"""
A cluster as the rows know it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, or_, select, true, union

from synnefo_tx.compute.rows.tables import clusters, servers
from synnefo_tx.effect.forms import NETWORK
from synnefo_tx.effect.plan import PREFIX
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.rows.tasks_tables import tasks as tasks_table
from synnefo_tx.effect.rows.things import ACTIVE
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.reconcile.values import ClusterKnown, Known
from synnefo_tx.volume.rows.tables import attachments, volumes

_NOWHERE = frozenset({"building", "shelved_offloaded"})  # need not be at a cluster
_Names = dict[str, set[str]]


def cluster_names(connection: Connection) -> dict[str, str]:
    """
    All clusters: id -> name.
    """
    rows = connection.execute(select(clusters.c.id, clusters.c.name).order_by(clusters.c.name))
    return {row.id: row.name for row in rows}


def known_of(connection: Connection, cluster_id: str) -> ClusterKnown:
    """
    Its servers that are not gone, and its networks.
    """
    rows = connection.execute(
        select(servers).where(servers.c.cluster_id == cluster_id, servers.c.deleted_at.is_(None))
    ).all()
    busy = _busy(connection)
    nics, disks = _nics(connection, cluster_id), _disks(connection, cluster_id)
    things = connection.execute(
        select(cluster_things).where(
            cluster_things.c.cluster_id == cluster_id, cluster_things.c.kind == NETWORK
        )
    ).all()
    return ClusterKnown(
        servers={row.id: _server(row, row.id in busy, nics[row.id], disks[row.id]) for row in rows},
        networks=frozenset(
            row.thing_id for row in things if row.state == ACTIVE and row.task_id is None
        ),
        asked=frozenset(row.thing_id for row in things) | busy,
    )


def _server(row: Any, is_busy: bool, nics: Collection[str], disks: Collection[str]) -> Known:
    return Known(
        vm_state=row.vm_state,
        task_state=row.task_state,
        node=row.node,
        vcpus=row.flavor["vcpus"],
        memory_mib=row.flavor["ram"],
        nics=frozenset(nics),
        disks=frozenset(disks),
        busy=is_busy,
        is_built=row.vm_state not in _NOWHERE and bool(row.reserved),
        updated_at=row.updated_at,
    )


def _busy(connection: Connection) -> set[str]:
    """
    What something is asked of that has not ended; of an attachment its server, too.
    """
    going = tasks_table.c.state.in_((tasks.GOING, tasks.UNDOING))
    asked = union(
        select(effects.c.target),
        select(tasks_table.c.target).where(going),
        select(attachments.c.server_id)
        .join(tasks_table, tasks_table.c.target == attachments.c.volume_id)
        .where(going, attachments.c.server_id.is_not(None)),
    )
    return {row.target for row in connection.execute(asked)}


def _nics(connection: Connection, cluster_id: str) -> _Names:
    return _names(
        connection.execute(
            select(ports.c.id, servers.c.id.label("server_id"))
            .join(servers, servers.c.id == ports.c.device_id)
            .where(servers.c.cluster_id == cluster_id)
        ),
        "nic",
    )


def _disks(connection: Connection, cluster_id: str) -> _Names:
    """
    Of servers' own disks and of what is attached to them.
    """
    plugged = (attachments.c.volume_id == volumes.c.id) & (attachments.c.is_plugged == true())
    return _names(
        connection.execute(
            select(volumes.c.id, servers.c.id.label("server_id"))
            .outerjoin(attachments, plugged)
            .join(
                servers,
                or_(servers.c.id == volumes.c.server_id, servers.c.id == attachments.c.server_id),
            )
            .where(servers.c.cluster_id == cluster_id)
        ),
        "vol",
    )


def _names(rows: Any, kind: str) -> _Names:
    names: _Names = defaultdict(set)
    for row in rows:
        names[row.server_id].add(f"{PREFIX}-{kind}-{row.id}")
    return names
