"""
Rescuing servers: they boot from another image, with their own disks beside it.
"""

from __future__ import annotations

from sqlalchemy import Connection, null, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import boot_images
from synnefo_tx.compute.rows.acting import asked_of, begin, place_of
from synnefo_tx.compute.rows.guests import guest_of
from synnefo_tx.compute.rows.root_disks import root_disk
from synnefo_tx.compute.rows.servers import AnyRow, charge
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import config_drive, quotas, states
from synnefo_tx.effect.plans import server_life
from synnefo_tx.effect.tasks import Ended
from synnefo_tx.errors import BadRequest


def rescue(connection: Connection, ask: Ask, image_id: str | None, password: str) -> None:
    """
    image_id: to boot from; the server's own if None.  password: for its administrator.  Raises
    InstanceNotFound, InstanceLocked, InvalidState, BadRequest or OverQuota.
    """
    server = asked_of(connection, ask, states.RESCUE)
    if root_disk(connection, server) is None:
        why = "Cannot rescue a volume-backed instance"
        raise BadRequest(f"Instance {server.id} cannot be rescued: {why}")
    image = boot_images.find_bootable(connection, image_id or server.image_id, server.project_id)
    size_gib = boot_images.boot_disk_gib(image, 0)
    charge(connection, server, quotas.to_start(server.reserved))
    at = place_of(server, runs=server.vm_state != "stopped")
    drive = config_drive.contents(guest_of(connection, server, password))
    steps = server_life.rescue(at, image.boot_volume, size_gib, drive)
    begin(connection, ask, server, states.RESCUE, steps, {"image_id": image.id})


def rescued(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It runs of the other image.
    """
    meanwhile = {"image_id": ended.task.context["image_id"]}
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id)
        .values(vm_state="rescued", rescue=meanwhile)
    )


def unrescue(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.UNRESCUE)
    begin(connection, ask, server, states.UNRESCUE, server_life.unrescue(place_of(server)))


def unrescued(connection: Connection, server: AnyRow, _ended: Ended) -> None:
    """
    It runs of its own disk.
    """
    connection.execute(
        update(servers).where(servers.c.id == server.id).values(vm_state="active", rescue=null())
    )


def not_rescued(connection: Connection, server: AnyRow, _ended: Ended) -> None:
    """
    Which disk it would boot from is not known.
    """
    connection.execute(update(servers).where(servers.c.id == server.id).values(vm_state="error"))
