"""
What a cluster is asked when a server is paused, resized, rebuilt, rescued and so on: the calls in
their order, each sent when the one before it has succeeded.  Pure.

Bodies as RAPI of Ganeti 3 takes them; pause, unpause, suspend, resume and snapshot are ganetid's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from synnefo_tx.effect.plan import PREFIX, instance_name, start_server, stop_server
from synnefo_tx.effect.wishes import Wish

MIB_OF_GIB = 1024
Steps = tuple[Wish, ...]


@frozen
class Place:
    """
    Where a server is, and whether it runs.
    """

    server_id: str
    cluster_id: str
    runs: bool


def pause(at: Place) -> Steps:
    """
    The guest stands still, and its memory stays where it is.
    """
    return (_wish(at, "pause", "PUT", "/pause"),)


def unpause(at: Place) -> Steps:
    """
    It goes on.
    """
    return (_wish(at, "unpause", "PUT", "/unpause"),)


def suspend(at: Place) -> Steps:
    """
    The guest's memory is kept in storage, and the node is free of it.
    """
    return (_wish(at, "suspend", "PUT", "/suspend"),)


def resume(at: Place) -> Steps:
    """
    It goes on from what was kept.
    """
    return (_wish(at, "resume", "PUT", "/resume"),)


def resize(at: Place, vcpus: int, memory_mib: int) -> Steps:
    """
    Other sizes of what a running guest can't be given.
    """
    return _while_off(at, _beparams(at, vcpus, memory_mib))


def grow_root(at: Place, size_gib: int) -> Steps:
    """
    The boot disk is `size_gib` large; a guest that runs sees it at once.
    """
    body = {"amount": size_gib * MIB_OF_GIB, "absolute": True}
    return (_wish(at, "grow", "POST", "/disk/0/grow", body),)


def rebuild(
    at: Place, origin: str, size_gib: int | None, config_drive: Mapping[str, bytes]
) -> Steps:
    """
    The boot disk begins again with the content of `origin`, a sealed block volume.  size_gib: to
    grow it to before, when the image needs more.
    """
    steps = [stop_server(at.server_id, at.cluster_id)] if at.runs else []
    if size_gib is not None:
        steps += grow_root(at, size_gib)
    steps.append(_modify(at, {"disks": [["modify", 0, {"origin": origin}]]}))
    body = {"start": False, "osparams_private": {"config_drive": _drive(config_drive)}}
    steps.append(_wish(at, "reinstall", "POST", "/reinstall", body))
    if at.runs:
        steps.append(start_server(at.server_id, at.cluster_id))
    return tuple(steps)


def rescue(at: Place, origin: str, size_gib: int) -> Steps:
    """
    It boots from a disk of its own that is a clone of `origin`, with its other disks behind that.
    """
    disk = {
        "name": rescue_disk(at.server_id),
        "size": size_gib * MIB_OF_GIB,
        "provider": "archipelago",
        "origin": origin,
    }
    stop = (stop_server(at.server_id, at.cluster_id),) if at.runs else ()
    start = start_server(at.server_id, at.cluster_id)
    return (*stop, _modify(at, {"disks": [["add", 0, disk]]}), start)


def unrescue(at: Place) -> Steps:
    """
    It boots from its own disk, and the other is gone.
    """
    gone = _modify(at, {"disks": [["remove", rescue_disk(at.server_id), {}]]})
    return (
        stop_server(at.server_id, at.cluster_id, timeout_s=0),
        gone,
        start_server(at.server_id, at.cluster_id),
    )


def snapshot(at: Place, names: Mapping[str, str]) -> Steps:
    """
    The present content of disks is kept, sealed.  names: block volume -> name of its snapshot.
    """
    disks = [[disk, {"snapshot_name": name}] for disk, name in names.items()]
    return (_wish(at, "snapshot", "POST", "/snapshot", {"disks": disks}),)


def rescue_disk(server_id: str) -> str:
    """
    The block volume that a server is rescued by.
    """
    return f"{PREFIX}-rescue-{server_id}"


def volume_disk(volume_id: str) -> str:
    """
    The block volume of one of the cloud's volumes.
    """
    return f"{PREFIX}-vol-{volume_id}"


def _beparams(at: Place, vcpus: int, memory_mib: int) -> Wish:
    return _modify(at, {"beparams": {"vcpus": vcpus, "memory": memory_mib}})


def _modify(at: Place, body: dict[str, Any]) -> Wish:
    return _wish(at, "modify", "PUT", "/modify", body)


def _while_off(at: Place, *steps: Wish) -> Steps:
    if not at.runs:
        return steps
    stop = stop_server(at.server_id, at.cluster_id)
    return (stop, *steps, start_server(at.server_id, at.cluster_id))


def _drive(contents: Mapping[str, bytes]) -> str:
    return json.dumps({path: base64.b64encode(data).decode() for path, data in contents.items()})


def _wish(
    at: Place, name: str, method: str, action: str, body: dict[str, Any] | None = None
) -> Wish:
    return Wish(
        kind=f"server.{name}",
        target=at.server_id,
        cluster_id=at.cluster_id,
        method=method,
        path=f"/2/instances/{instance_name(at.server_id)}{action}",
        body=body,
    )
