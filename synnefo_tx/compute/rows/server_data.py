"""
What users attach to their servers: metadata and tags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from synnefo_tx.compute.rows import servers
from synnefo_tx.compute.rows.quotas import check_metadata
from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rules import states
from synnefo_tx.errors import NotFound
from synnefo_tx.identity.caller import Caller

Pairs = dict[str, str]
Change = Callable[[Sequence[str]], list[str]]


def write_metadata(
    connection: Connection,
    caller: Caller,
    server_id: str,
    pairs: Pairs,
    replace: bool,
    now_us: int,
) -> Pairs:
    """
    The server's metadata afterwards.  Raises InstanceNotFound, InstanceLocked, InvalidState or
    OverQuota.
    """
    server = find_server(connection, caller, server_id, to_change=True)
    states.check(states.of_data("update metadata"), server, caller.is_admin)
    kept: Pairs = pairs if replace else {**server.metadata, **pairs}
    check_metadata(connection, server.project_id, len(kept))
    servers.change(connection, caller, server_id, {"metadata": kept}, now_us)
    return kept


def delete_item(
    connection: Connection, caller: Caller, server_id: str, key: str, now_us: int
) -> None:
    """
    Raises InstanceNotFound, NotFound, InstanceLocked or InvalidState.
    """
    server = find_server(connection, caller, server_id, to_change=True)
    if key not in server.metadata:
        raise NotFound("Metadata item was not found")
    states.check(states.of_data("delete metadata"), server, caller.is_admin)
    kept = {name: value for name, value in server.metadata.items() if name != key}
    servers.change(connection, caller, server_id, {"metadata": kept}, now_us)


def change_tags(
    connection: Connection,
    caller: Caller,
    server_id: str,
    action: str,
    made: Change,
    now_us: int,
) -> list[str]:
    """
    The server's tags afterwards.  Raises InstanceNotFound or InvalidState, and what `made` does.
    """
    server = find_server(connection, caller, server_id, to_change=True)
    states.check(states.of_data(action, over_lock=True), server)
    kept = made(server.tags)
    servers.change(connection, caller, server_id, {"tags": kept}, now_us)
    return kept
