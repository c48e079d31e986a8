"""
Attaching volumes to servers, as compute's users ask for it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows.acting import asked_of
from synnefo_tx.compute.rows.servers import AnyRow, find_server
from synnefo_tx.compute.rules import states
from synnefo_tx.compute.rules.block_devices import MOST, TooManyDisks
from synnefo_tx.errors import BadRequest, NotFound
from synnefo_tx.identity.caller import Caller
from synnefo_tx.volume.errors import InvalidVolume
from synnefo_tx.volume.rows import attached, plugging


def index(connection: Connection, caller: Caller, server_id: str) -> list[AnyRow]:
    """
    Oldest first.  Raises InstanceNotFound.
    """
    find_server(connection, caller, server_id)
    return attached.of_servers(connection, [server_id]).get(server_id, [])


def show(connection: Connection, caller: Caller, server_id: str, volume_id: str) -> Any:
    """
    Raises InstanceNotFound or NotFound.
    """
    find_server(connection, caller, server_id)
    return _find(connection, server_id, volume_id)


def attach(connection: Connection, ask: Ask, wanted: plugging.Plug) -> Any:
    """
    The new attachment.  Raises InstanceNotFound, InstanceLocked, InvalidState, VolumeNotFound,
    BadRequest or Forbidden.
    """
    server = asked_of(connection, ask, states.ATTACH_VOLUME)
    held = attached.of_servers(connection, [server.id]).get(server.id, [])
    if len(held) >= MOST:
        raise TooManyDisks
    if any(row.volume_id == wanted.volume_id for row in held):
        raise BadRequest(
            f"Invalid volume: volume {wanted.volume_id} is already attached to instance {server.id}"
        )
    return plugging.plug(connection, ask, server, wanted)


def detach(connection: Connection, ask: Ask, volume_id: str) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState, NotFound or InvalidVolume.
    """
    find_server(connection, ask.caller, ask.server_id)
    attachment = _find(connection, ask.server_id, volume_id)
    server = asked_of(connection, ask, states.DETACH_VOLUME)
    plugging.unplug(connection, ask, server, attachment)


def update(
    connection: Connection,
    ask: Ask,
    volume_id: str,
    new_volume_id: str,
    changes: dict[str, Any],
) -> None:
    """
    What becomes of the volume with its server.  Raises InstanceNotFound, NotFound, BadRequest, and
    InvalidVolume for another volume: nothing copies what a guest is writing to.
    """
    find_server(connection, ask.caller, ask.server_id)
    attachment = _find(connection, ask.server_id, volume_id)
    if new_volume_id != volume_id:
        raise InvalidVolume(f"Volume {volume_id} can't be swapped while a server uses it.")
    for name, known in (("device", attachment.mountpoint), ("tag", attachment.tag)):
        if changes.get(name) not in (None, known):
            raise BadRequest(f"The {name} field of a volume attachment can't be changed.")
    if "delete_on_termination" in changes:
        plugging.set_termination(connection, attachment, changes["delete_on_termination"])


def _find(connection: Connection, server_id: str, volume_id: str) -> Any:
    row = attached.of_server(connection, server_id, volume_id)
    if row is None:
        raise NotFound(f"volume_id not found: {volume_id}")
    return row
