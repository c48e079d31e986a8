"""
Rebuilding servers: their boot disk begins again with an image.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.errors import KeypairNotFound
from synnefo_tx.compute.rows import boot_images
from synnefo_tx.compute.rows.acting import asked_of, begin, place_of
from synnefo_tx.compute.rows.guests import guest_of
from synnefo_tx.compute.rows.keypairs import find_keypair
from synnefo_tx.compute.rows.quotas import check_metadata
from synnefo_tx.compute.rows.root_disks import grow_row, root_disk
from synnefo_tx.compute.rows.servers import AnyRow, charge, find_server
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import config_drive, quotas, states
from synnefo_tx.compute.rules.rebuild_request import RebuildRequest
from synnefo_tx.effect.plans import server_life
from synnefo_tx.effect.tasks import Ended
from synnefo_tx.errors import BadRequest
from synnefo_tx.image.model import BootableImage


def rebuild(connection: Connection, ask: Ask, request: RebuildRequest) -> None:
    """
    What was on the boot disk is lost; addresses and other disks stay.  Raises InstanceNotFound,
    InstanceLocked, InvalidState, BadRequest or OverQuota.
    """
    server = asked_of(connection, ask, states.REBUILD)
    image, size_gib = _fitting(connection, ask, server, request)
    _check(connection, server, request)
    _change(connection, ask, server, {**request.values, "image_id": image.id})
    changed = find_server(connection, ask.caller, server.id)
    if server.vm_state != "stopped":
        charge(connection, changed, quotas.to_start(changed.reserved))
    guest = guest_of(connection, changed, request.admin_password, request.files)
    # A server in error may run nevertheless: being told to stop once more is no harm.
    at = place_of(server, runs=server.vm_state != "stopped")
    drive = config_drive.contents(guest)
    steps = server_life.rebuild(at, image.boot_volume, size_gib, drive)
    begin(connection, ask, server, states.REBUILD, steps, {"vm_state": server.vm_state})


def rebuilt(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It is as new.
    """
    vm_state = "stopped" if ended.task.context["vm_state"] == "stopped" else "active"
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id)
        .values(vm_state=vm_state, launched_at=ended.now_us, fault=None)
    )


def not_rebuilt(connection: Connection, server: AnyRow, _ended: Ended) -> None:
    """
    What is on its boot disk is not known.
    """
    connection.execute(update(servers).where(servers.c.id == server.id).values(vm_state="error"))


def _fitting(
    connection: Connection, ask: Ask, server: AnyRow, request: RebuildRequest
) -> tuple[BootableImage, int | None]:
    """
    The image, and the size in GiB that the boot disk must have for it, which is charged; None
    when it has it.
    """
    disk = root_disk(connection, server)
    if disk is None:
        raise BadRequest("Unable to rebuild with a different image for a volume-backed server.")
    image = boot_images.find_bootable(connection, request.image_id, server.project_id)
    flavor = server.flavor
    boot_images.check_fits(image, flavor["ram"], flavor["disk"])
    needed = boot_images.boot_disk_gib(image, flavor["disk"])
    if needed <= disk.size_gib:
        # In error it may have failed to grow to what its row says.
        return image, disk.size_gib if server.vm_state == "error" else None
    grow_row(connection, server, disk, needed, ask.now_us)
    return image, needed


def _check(connection: Connection, server: AnyRow, request: RebuildRequest) -> None:
    values = request.values
    check_metadata(connection, server.project_id, len(values.get("metadata", {})))
    if values.get("key_name") is None:
        return
    try:
        find_keypair(connection, server.user_id, values["key_name"])
    except KeypairNotFound as error:
        raise BadRequest("Invalid key_name provided.") from error


def _change(connection: Connection, ask: Ask, server: AnyRow, values: dict[str, Any]) -> None:
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id)
        .values(**values, fault=None, progress=0, updated_at=ask.now_us)
    )
