"""
Shelving servers: they leave their cluster, and come again from an image of their boot disk.

As with Nova's default they leave at once; addresses, volumes and the row stay.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, null, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import boot_images, imaging
from synnefo_tx.compute.rows.acting import asked_of, begin, place_of
from synnefo_tx.compute.rows.guests import guest_of
from synnefo_tx.compute.rows.nic_plans import nic_plans
from synnefo_tx.compute.rows.root_disks import root_disk
from synnefo_tx.compute.rows.servers import AnyRow, charge, charge_running
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import config_drive, quotas, states
from synnefo_tx.compute.rules.create_request import random_password
from synnefo_tx.compute.rules.placement import ZONE
from synnefo_tx.effect import plan
from synnefo_tx.effect.plans import disks, server_life
from synnefo_tx.effect.tasks import Ended, Step
from synnefo_tx.effect.wishes import DiskPlan, ServerPlan
from synnefo_tx.errors import BadRequest
from synnefo_tx.image.errors import ImageNotFound, NotPermitted, ProtectedImage
from synnefo_tx.image.model import Viewer
from synnefo_tx.image.rows import images, snapshots
from synnefo_tx.network.rows import ports
from synnefo_tx.volume.rows import plugging

OFFLOADED = "shelved_offloaded"


def shelve(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState, BadRequest or OverQuota.
    """
    server = asked_of(connection, ask, states.SHELVE)
    properties = {"image_type": "snapshot"}
    image = imaging.take(connection, ask, server, f"{server.name}-shelved", properties)
    names = imaging.names_of(connection, server, image)
    at = place_of(server)
    steps = (
        *server_life.off(at),
        *server_life.snapshot(at, names),
        *plugging.steps_out(connection, server),
        Step(plan.delete_server(server.id, server.cluster_id)),
    )
    begin(connection, ask, server, states.SHELVE, steps, {"image_id": image.id})


def shelved(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It is nowhere, and its disk is an image.
    """
    image_id = ended.task.context["image_id"]
    volume = imaging.volume_of(image_id)
    is_there = snapshots.finish(connection, image_id, volume, ended.now_us, force=True)
    _set(
        connection,
        server,
        vm_state=OFFLOADED if is_there else "error",
        power_state=states.NO_STATE,
        host=None,
        node=None,
        shelve={"image_id": image_id},
    )
    ports.set_status(connection, server.id, "DOWN", ended.now_us)
    charge_running(connection, server, "stopped", None)


def not_shelved(connection: Connection, _server: AnyRow, ended: Ended) -> None:
    """
    It stays where it is.
    """
    snapshots.give_up(connection, ended.task.context["image_id"], ended.now_us)


def offload(connection: Connection, ask: Ask) -> None:
    """
    What is shelved has left already.  Raises InstanceNotFound, InstanceLocked or InvalidState,
    always.
    """
    asked_of(connection, ask, states.SHELVE_OFFLOAD)


def unshelve(connection: Connection, ask: Ask, zone: str | None, host: str | None) -> None:
    """
    Wish for it again, with its addresses and volumes.  Raises InstanceNotFound, InstanceLocked,
    InvalidState, BadRequest or OverQuota.
    """
    server = asked_of(connection, ask, states.UNSHELVE)
    if zone not in (None, ZONE):
        raise BadRequest("The requested availability zone is not available")
    if host is not None:
        raise BadRequest(f"Compute host {host} could not be found.")
    charge(connection, server, quotas.to_start(server.reserved))
    plugs = (
        Step(disks.attach(server.id, server.cluster_id, row.id, row.size_gib, row.mode))
        for row in plugging.of_guest(connection, server.id)
    )
    steps = (Step(plan.create_server(_plan(connection, server))), *plugs)
    begin(connection, ask, server, states.UNSHELVE, steps)


def unshelved(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It runs, and its image is needed no more.
    """
    drop_image(connection, server, ended.now_us)
    _set(connection, server, shelve=null(), launched_at=ended.now_us)


def not_unshelved(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It is still shelved; or, when its volumes did not come, in error.
    """
    if server.vm_state == OFFLOADED:
        charge_running(connection, server, "stopped", None)
    else:
        drop_image(connection, server, ended.now_us)
        _set(connection, server, vm_state="error", shelve=null())


def drop_image(connection: Connection, server: AnyRow, now_us: int) -> None:
    """
    The image that the server waited as is gone, unless its owner was quicker, or wants to keep it:
    what users may do with an image must not stop a server's task from ending.
    """
    try:
        viewer = Viewer(server.project_id)
        images.remove(connection, server.shelve["image_id"], viewer, now_us)
    except (ImageNotFound, NotPermitted, ProtectedImage):
        pass


def _plan(connection: Connection, server: AnyRow) -> ServerPlan:
    disk = root_disk(connection, server)
    assert disk is not None  # others are not shelved
    image_id = server.shelve["image_id"]
    image = boot_images.find_bootable(connection, image_id, server.project_id)
    guest = guest_of(connection, server, random_password())
    return ServerPlan(
        server_id=server.id,
        cluster_id=server.cluster_id,
        vcpus=server.flavor["vcpus"],
        memory_mib=server.flavor["ram"],
        disks=(DiskPlan(volume_id=disk.id, size_gib=disk.size_gib, origin=image.boot_volume),),
        nics=nic_plans(connection, guest.interfaces),
        config_drive=config_drive.contents(guest),
    )


def _set(connection: Connection, server: AnyRow, **values: Any) -> None:
    connection.execute(update(servers).where(servers.c.id == server.id).values(**values))
