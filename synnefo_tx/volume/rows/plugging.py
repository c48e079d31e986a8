"""
Volumes in servers: compute's attachments, which clusters bring about, and what follows from that.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection, delete, func, insert, select, true, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.plans import disks
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.tasks import Asked, Step
from synnefo_tx.effect.wishes import Wish
from synnefo_tx.identity.caller import Caller
from synnefo_tx.volume.errors import InvalidVolume
from synnefo_tx.volume.rows import attached as attached_rows
from synnefo_tx.volume.rows.tables import attachments, volumes
from synnefo_tx.volume.rows.volumes import AnyRow, begin_deleting, change, find, locked
from synnefo_tx.volume.rules.devices import devices

BOOT_DEVICE = "/dev/vda"
ATTACH, DETACH, GROW = "volume.attach", "volume.detach", "volume.grow"  # kinds of tasks
NOWHERE = "shelved_offloaded"  # vm_state of a server that is on no cluster


@frozen(kw_only=True)
class Plug:
    """
    What is to be attached, and how.
    """

    volume_id: str
    tag: str | None = None
    delete_on_termination: bool = False


def plug(connection: Connection, ask: Ask, server: AnyRow, wanted: Plug) -> Any:
    """
    The new attachment of a volume to `server`; to one that is on no cluster it is there at once,
    and comes with it.  Raises VolumeNotFound or InvalidVolume.
    """
    volume = free(connection, ask.caller, wanted.volume_id)
    mode = "ro" if volume.read_only else "rw"
    attachment_id = put(connection, server.id, wanted, mode, ask.now_us, host=server.host)
    change(connection, volume, ask.now_us, status="attaching")
    if server.vm_state == NOWHERE:
        attached(connection, attached_rows.of_id(connection, attachment_id), ask.now_us)
        _done_at_once(connection, ask, "attach_volume")
        return attached_rows.of_id(connection, attachment_id)
    wish = disks.attach(server.id, server.cluster_id, volume.id, volume.size_gib, mode)
    _begin(connection, ask, ATTACH, "attach_volume", volume.id, wish, _of(attachment_id))
    return attached_rows.of_id(connection, attachment_id)


def free(connection: Connection, caller: Caller, volume_id: str) -> AnyRow:
    """
    A volume that may be attached.  Raises VolumeNotFound or InvalidVolume.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    if volume.status != "available":
        raise InvalidVolume(
            f"Volume {volume.id} status must be available or downloading to reserve, but the "
            f"current status is {volume.status}."
        )
    return volume


def put(
    connection: Connection,
    server_id: str,
    wanted: Plug,
    mode: str,
    now_us: int,
    *,
    host: str | None = None,
    device: str | None = None,
) -> str:
    """
    The id of a new attachment that is being made.  mode: rw or ro.
    """
    attachment_id = str(uuid.uuid4())
    connection.execute(
        insert(attachments).values(
            id=attachment_id,
            volume_id=wanted.volume_id,
            server_id=server_id,
            host_name=host,
            is_plugged=True,
            status="attaching",
            mode=mode,
            mountpoint=device or _free_device(connection, server_id),
            tag=wanted.tag,
            delete_on_termination=wanted.delete_on_termination,
            created_at=now_us,
        )
    )
    return attachment_id


def unplug(connection: Connection, ask: Ask, server: AnyRow, attachment: AnyRow) -> None:
    """
    It is taken out again.  Raises InvalidVolume.
    """
    volume = find(connection, ask.caller, attachment.volume_id, to_change=True)
    if attachment.status != "attached" or volume.status != "in-use":
        raise InvalidVolume(
            f"Unable to detach volume. Volume status must be 'in-use' and attach_status must be "
            f"'attached' to detach. Currently: status: '{volume.status}', attach_status: "
            f"'{attachment.status}.'"
        )
    if server.vm_state == NOWHERE:
        detached(connection, attachment, ask.now_us)
        _done_at_once(connection, ask, "detach_volume")
        return
    _set(connection, attachment.id, status="detaching")
    change(connection, volume, ask.now_us, status="detaching")
    wish = disks.detach(server.id, server.cluster_id, volume.id)
    _begin(connection, ask, DETACH, "detach_volume", volume.id, wish, _of(attachment.id))


def grow_plugged(connection: Connection, ask: Ask, volume: AnyRow, size_gib: int) -> None:
    """
    A volume becomes larger in the server that uses it.  Raises InvalidVolume when none does.
    """
    mine = connection.execute(
        select(attachments, servers.c.cluster_id)
        .join(servers, servers.c.id == attachments.c.server_id)
        .where(attachments.c.volume_id == volume.id, attachments.c.is_plugged == true())
    ).first()
    if mine is None:
        raise InvalidVolume(f"Volume {volume.id} is used by no server here: it can't be extended.")
    place = _place(connection, mine)
    wish = disks.grow(mine.server_id, mine.cluster_id, place, size_gib)
    of_it = evolve(ask, server_id=mine.server_id)
    context = {"size_gib": size_gib}
    _begin(connection, of_it, GROW, "extend_volume", volume.id, wish, context)


def set_termination(connection: Connection, attachment: AnyRow, with_server: bool) -> None:
    """
    Whether the volume is deleted with its server.
    """
    _set(connection, attachment.id, delete_on_termination=with_server)


def attached(connection: Connection, attachment: AnyRow, now_us: int) -> None:
    """
    The cluster has it in the server.
    """
    _set(connection, attachment.id, status="attached", attached_at=now_us)
    _volume_is(connection, attachment.volume_id, "in-use", now_us)


def detached(connection: Connection, attachment: AnyRow, now_us: int) -> None:
    """
    The volume is in no server.
    """
    connection.execute(delete(attachments).where(attachments.c.id == attachment.id))
    _volume_is(connection, attachment.volume_id, "available", now_us)


def not_detached(connection: Connection, attachment: AnyRow, now_us: int) -> None:
    """
    It is attached as before.
    """
    _set(connection, attachment.id, status="attached")
    _volume_is(connection, attachment.volume_id, "in-use", now_us)


def server_made(connection: Connection, server_id: str, now_us: int) -> None:
    """
    A new server has the volumes that it was made with.
    """
    for row in attached_rows.plugged(connection, server_id):
        if row.status == "attaching":
            attached(connection, row, now_us)


def server_not_made(connection: Connection, server_id: str, now_us: int) -> None:
    """
    The volumes that a server should have been made with are free; those that should have been made
    with it are none.
    """
    for row in attached_rows.plugged(connection, server_id):
        volume = locked(connection, row.volume_id)
        is_new = volume is not None and volume.status == "creating"
        detached(connection, row, now_us)
        if volume is not None and is_new:
            change(connection, volume, now_us, status="error")
            if row.delete_on_termination:
                begin_deleting(connection, volume, now_us)


def steps_out(connection: Connection, server: AnyRow) -> list[Step]:
    """
    What takes a server's volumes out of it before it goes, so that they outlive it.  One that has
    not come, or has left meanwhile, is passed over.
    """
    return [
        Step(
            disks.detach(server.id, server.cluster_id, row.volume_id),
            despite=("unknown_entity",),
        )
        for row in attached_rows.plugged(connection, server.id)
    ]


def of_guest(connection: Connection, server_id: str) -> list[AnyRow]:
    """
    The volumes in a server, in their order: `id`, `size_gib` and `mode`.
    """
    return list(
        connection.execute(
            select(volumes.c.id, volumes.c.size_gib, attachments.c.mode)
            .join(attachments, attachments.c.volume_id == volumes.c.id)
            .where(attachments.c.server_id == server_id, attachments.c.is_plugged == true())
            .order_by(attachments.c.created_at, attachments.c.id)
        )
    )


def server_gone(connection: Connection, server_id: str, now_us: int) -> None:
    """
    Its own disks are gone with it; volumes that were attached are free, or deleted where that was
    asked for.
    """
    connection.execute(delete(volumes).where(volumes.c.server_id == server_id))
    for row in attached_rows.plugged(connection, server_id):
        detached(connection, row, now_us)
        volume = locked(connection, row.volume_id)
        if row.delete_on_termination and volume is not None:
            begin_deleting(connection, volume, now_us)


def _done_at_once(connection: Connection, ask: Ask, action: str) -> None:
    actions_log.started(connection, ask, action)
    actions_log.ended(connection, ask.server_id, ask.request_id, ask.now_us)


def _begin(
    connection: Connection,
    ask: Ask,
    kind: str,
    action: str,
    volume_id: str,
    wish: Wish,
    context: dict[str, Any],
) -> None:
    actions_log.started(connection, ask, action)
    task = Asked(
        kind=kind,
        target=volume_id,
        steps=(Step(wish),),
        context={**context, "server_id": ask.server_id},
        request_id=ask.request_id,
        user_id=ask.caller.user_id,
    )
    tasks.begin(connection, task, ask.now_us)


def _of(attachment_id: str) -> dict[str, Any]:
    return {"attachment_id": attachment_id}


def _place(connection: Connection, attachment: AnyRow) -> int:
    """
    Its number among its server's disks: behind the server's own, in the order of attaching.
    """
    own = connection.execute(
        select(func.count()).select_from(volumes).where(volumes.c.server_id == attachment.server_id)
    ).scalar_one()
    earlier = 0
    for row in attached_rows.plugged(connection, attachment.server_id):
        if row.id == attachment.id:
            break
        earlier += row.status == "attached"
    return int(own) + earlier


def _free_device(connection: Connection, server_id: str) -> str:
    taken = {row.mountpoint for row in attached_rows.plugged(connection, server_id)}
    return next(name for name in devices() if name not in taken)


def _set(connection: Connection, attachment_id: str, **values: Any) -> None:
    this = attachments.c.id == attachment_id
    connection.execute(update(attachments).where(this).values(**values))


def _volume_is(connection: Connection, volume_id: str, status: str, now_us: int) -> None:
    volume = locked(connection, volume_id)
    if volume is not None:
        change(connection, volume, now_us, status=status)
