"""
A cluster as its RAPI shows it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from synnefo_tx.effect.plan import PREFIX
from synnefo_tx.reconcile.values import ClusterShown, Shown

Get = Callable[[str, dict[str, str]], Awaitable[Any]]  # as ICluster.get
_BULK = {"bulk": "1"}
_NETWORK = f"{PREFIX}-net-"
_DISK = f"{PREFIX}-vol-"
_ID_CHARACTERS = 36


async def shown_by(get: Get) -> ClusterShown:
    """
    What is ours of it.  Raises ClusterAway and ClusterRefused.
    """
    instances = await get("/2/instances", _BULK)
    networks = await get("/2/networks", _BULK)
    return ClusterShown(
        servers={
            server_id: _instance(one)
            for one in instances
            if (server_id := _ours(one["name"], f"{PREFIX}-")) is not None
        },
        networks=frozenset(
            network_id
            for one in networks
            if (network_id := _ours(one["name"], _NETWORK)) is not None
        ),
    )


def _ours(name: str, prefix: str) -> str | None:
    """
    The id in the name; None of a stranger's, whose names are of other lengths.
    """
    rest = name.removeprefix(prefix)
    return rest if rest != name and len(rest) == _ID_CHARACTERS else None


def _instance(one: dict[str, Any]) -> Shown:
    return Shown(
        runs=one["oper_state"],
        node=one["pnode"],
        vcpus=one["beparams"]["vcpus"],
        memory_mib=one["beparams"]["memory"],
        nics=frozenset(name for name in one["nic.names"] if name),
        disks=frozenset(name for name in one["disk.names"] if name and name.startswith(_DISK)),
    )
