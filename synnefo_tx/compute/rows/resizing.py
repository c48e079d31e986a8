"""
Resizing servers.  A larger boot disk is made when the resize is confirmed: it can't shrink back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.errors import FlavorNotFound
from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.acting import asked_of, begin, place_of
from synnefo_tx.compute.rows.flavors import as_kept, flavor_for_server
from synnefo_tx.compute.rows.root_disks import grow_row, root_disk
from synnefo_tx.compute.rows.servers import AnyRow, hold
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import quotas, states
from synnefo_tx.effect.plans import server_life
from synnefo_tx.effect.tasks import Ended
from synnefo_tx.errors import BadRequest


def resize(connection: Connection, ask: Ask, flavor_id: str, disk_config: str | None) -> None:
    """
    Wish for another flavor.  Until it is confirmed, the larger of both is charged.  Raises
    InstanceNotFound, InstanceLocked, InvalidState, BadRequest or OverQuota.
    """
    server = asked_of(connection, ask, states.RESIZE)
    flavor = _wanted(connection, ask, server, flavor_id)
    wanted = quotas.resized(server.reserved, flavor.vcpus, flavor.ram_mib)
    hold(connection, server, quotas.larger(server.reserved, wanted))
    disk = root_disk(connection, server)
    change = {
        "old": server.flavor,
        "new": as_kept(flavor),
        "vm_state": server.vm_state,
        "disk_gib": disk.size_gib if disk is not None else 0,
    }
    values: dict[str, Any] = {"resize": change}
    if disk_config is not None:
        values["disk_config"] = disk_config
    connection.execute(update(servers).where(servers.c.id == server.id).values(**values))
    steps = server_life.resize(place_of(server), _sizes(change["old"]), _sizes(change["new"]))
    begin(connection, ask, server, states.RESIZE, steps)


def resized(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It has the new sizes, and waits to be told whether they stay.
    """
    new = server.resize["new"]
    _set(connection, server, ended.now_us, vm_state="resized", flavor_id=new["id"], flavor=new)


def not_resized(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It keeps its flavor; whether it runs is as was told.
    """
    _hold_as(connection, server, server.flavor)
    _set(connection, server, ended.now_us, resize=None)


def confirm(connection: Connection, ask: Ask) -> bool:
    """
    The new flavor stays.  True when its larger boot disk is wished for first.  Raises
    InstanceNotFound, InstanceLocked, InvalidState or OverQuota.
    """
    server = asked_of(connection, ask, states.CONFIRM_RESIZE)
    size_gib = server.flavor["disk"]
    disk = root_disk(connection, server)
    if disk is None or disk.size_gib >= size_gib:
        actions_log.started(connection, ask, states.CONFIRM_RESIZE.name)
        _confirmed(connection, server, ask.now_us)
        actions_log.ended(connection, server.id, ask.request_id, ask.now_us, host=server.host)
        return False
    grow_row(connection, server, disk, size_gib, ask.now_us)
    steps = server_life.grow_root(place_of(server), size_gib)
    begin(connection, ask, server, states.CONFIRM_RESIZE, steps)
    return True


def confirmed(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    There is nothing to revert any more.
    """
    _confirmed(connection, server, ended.now_us)


def not_confirmed(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    Its boot disk is as large as before.
    """
    disk = root_disk(connection, server)
    if disk is not None:
        grow_row(connection, server, disk, server.resize["disk_gib"], ended.now_us)


def revert(connection: Connection, ask: Ask) -> None:
    """
    Wish for the old flavor again.  Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.REVERT_RESIZE)
    change = server.resize
    at = place_of(server, runs=change["vm_state"] == "active")
    steps = server_life.resize(at, _sizes(change["new"]), _sizes(change["old"]))
    begin(connection, ask, server, states.REVERT_RESIZE, steps)


def reverted(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It is as it was before.
    """
    old, vm_state = server.resize["old"], server.resize["vm_state"]
    _hold_as(connection, server, old)
    _set(connection, server, ended.now_us, vm_state=vm_state, flavor_id=old["id"], flavor=old,
         resize=None)  # fmt: skip


def not_reverted(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    It has the sizes of neither flavor for certain.
    """
    _set(connection, server, ended.now_us, vm_state="error")


def _confirmed(connection: Connection, server: AnyRow, now_us: int) -> None:
    _hold_as(connection, server, server.flavor)
    vm_state = server.resize["vm_state"]
    _set(connection, server, now_us, vm_state=vm_state, resize=None)


def _sizes(flavor: Mapping[str, Any]) -> server_life.Sizes:
    return server_life.Sizes(flavor["vcpus"], flavor["ram"])


def _hold_as(connection: Connection, server: AnyRow, flavor: Mapping[str, Any]) -> None:
    hold(connection, server, quotas.resized(server.reserved, flavor["vcpus"], flavor["ram"]))


def _wanted(connection: Connection, ask: Ask, server: AnyRow, flavor_id: str) -> AnyRow:
    try:
        flavor = flavor_for_server(connection, flavor_id, ask.caller)
    except FlavorNotFound as error:
        raise BadRequest(str(error)) from error
    if flavor.id == server.flavor_id:
        raise BadRequest("When resizing, instances must change flavor!")
    had = server.flavor["disk"]
    if server.image_id is not None and flavor.disk_gib < had:
        why = "to zero disk flavor" if flavor.disk_gib == 0 else "to a smaller disk"
        raise BadRequest(
            f"Server disk was unable to be resized because: Resize {why} is not allowed."
        )
    return flavor


def _set(connection: Connection, server: AnyRow, now_us: int, **values: Any) -> None:
    connection.execute(
        update(servers).where(servers.c.id == server.id).values(updated_at=now_us, **values)
    )
