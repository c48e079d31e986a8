"""
What the rows alone tell: those that only make sense beside others that are gone, and what clusters
could not do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, delete, false, select, true, update

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.rows import things
from synnefo_tx.network.rows import ports as port_rows
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.reconcile.values import Drift
from synnefo_tx.volume.rows.tables import attachments, volumes

PORT, VOLUME, DISK = "port.stray", "volume.unattached", "volume.stray"
THING = "thing.failed"
_there = select(servers.c.id).where(servers.c.deleted_at.is_(None))


@frozen
class Stray:
    """
    find: all of a kind.  mend: those that were found, at a time in microseconds.
    """

    what: str
    find: Callable[[Connection], list[Drift]]
    mend: Callable[[Connection, Sequence[Drift], int], None]


def _ports(connection: Connection) -> list[Drift]:
    """
    Ports that were made with a server which is gone; those that are a user's own outlive it.
    """
    rows = connection.execute(
        select(ports.c.id, ports.c.device_id)
        .where(
            ports.c.device_owner.like("compute:%"),
            ports.c.device_id != "",
            ports.c.is_own == false(),
            ports.c.device_id.not_in(_there),
        )
        .order_by(ports.c.id)
    )
    return [Drift(PORT, row.id, "", f"of server {row.device_id}", "gone") for row in rows]


def _delete_ports(connection: Connection, found: Sequence[Drift], _now_us: int) -> None:
    port_rows.delete_ports(connection, [one.thing_id for one in found])


def _volumes(connection: Connection) -> list[Drift]:
    """
    Volumes in use by nobody.
    """
    rows = connection.execute(
        select(volumes.c.id, volumes.c.status)
        .where(
            volumes.c.is_local == false(),
            volumes.c.status == "in-use",
            volumes.c.id.not_in(select(attachments.c.volume_id)),
        )
        .order_by(volumes.c.id)
    )
    return [Drift(VOLUME, row.id, "", row.status, "available") for row in rows]


def _free_volumes(connection: Connection, found: Sequence[Drift], now_us: int) -> None:
    connection.execute(
        update(volumes)
        .where(
            volumes.c.id.in_([one.thing_id for one in found]),
            volumes.c.status == "in-use",
            volumes.c.id.not_in(select(attachments.c.volume_id)),
        )
        .values(status="available", updated_at=now_us)
    )


def _disks(connection: Connection) -> list[Drift]:
    """
    Disks that were made with a server which is gone.
    """
    rows = connection.execute(
        select(volumes.c.id, volumes.c.server_id)
        .where(volumes.c.is_local == true(), volumes.c.server_id.not_in(_there))
        .order_by(volumes.c.id)
    )
    return [Drift(DISK, row.id, "", f"of server {row.server_id}", "gone") for row in rows]


def _delete_disks(connection: Connection, found: Sequence[Drift], _now_us: int) -> None:
    connection.execute(delete(volumes).where(volumes.c.id.in_([one.thing_id for one in found])))


def _failed(connection: Connection) -> list[Drift]:
    """
    Networks and security groups that a cluster should have otherwise, or no more: nothing else
    tries that again, and rules that were withdrawn would stay open.
    """
    return [_failure(row) for row in things.failed(connection)]


def _failure(row: Any) -> Drift:
    wanted = "gone" if row.state == things.LEAVING else "stands"
    name = f"{row.kind} {row.thing_id} at {row.cluster_id}"
    return Drift(THING, name, "", wanted, row.message or "failed")


def _try_again(connection: Connection, found: Sequence[Drift], now_us: int) -> None:
    for row in things.failed(connection):
        if _failure(row) in found:
            things.try_again(connection, row, now_us)


KINDS = (
    Stray(PORT, _ports, _delete_ports),
    Stray(VOLUME, _volumes, _free_volumes),
    Stray(DISK, _disks, _delete_disks),
    Stray(THING, _failed, _try_again),
)
