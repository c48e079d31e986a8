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
from synnefo_tx.effect.tasks import Step
from synnefo_tx.effect.wishes import Wish

MIB_OF_GIB = 1024
Steps = tuple[Step, ...]


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
    return (Step(_wish(at, "pause", "PUT", "/pause")),)


def unpause(at: Place) -> Steps:
    """
    It goes on.
    """
    return (Step(_wish(at, "unpause", "PUT", "/unpause")),)


def suspend(at: Place) -> Steps:
    """
    The guest's memory is kept in storage, and the node is free of it.
    """
    return (Step(_wish(at, "suspend", "PUT", "/suspend")),)


def resume(at: Place) -> Steps:
    """
    It goes on from what was kept.
    """
    return (Step(_wish(at, "resume", "PUT", "/resume")),)


def interrupt(at: Place) -> Steps:
    """
    The guest gets an interrupt that can't be masked, by which it dumps its memory.
    """
    return (Step(_wish(at, "nmi", "POST", "/nmi")),)


def change_password(at: Place, user: str, password: str) -> Steps:
    """
    The guest's agent sets it.
    """
    body = {"user": user, "password": password}
    return (Step(_wish(at, "password", "PUT", "/password", body)),)


@frozen
class Sizes:
    """
    What a running guest can't be given.
    """

    vcpus: int
    memory_mib: int


def resize(at: Place, old: Sizes, new: Sizes) -> Steps:
    """
    Other sizes.
    """
    return _while_off(at, Step(_beparams(at, new), _beparams(at, old)))


def grow_root(at: Place, size_gib: int, despite: tuple[str, ...] = ()) -> Steps:
    """
    The boot disk is `size_gib` large; a guest that runs sees it at once.  despite: wrong_state
    where a larger one will do.
    """
    body = {"amount": size_gib * MIB_OF_GIB, "absolute": True}
    return (Step(_wish(at, "grow", "POST", "/disk/0/grow", body), despite=despite),)


def rebuild(
    at: Place, origin: str, size_gib: int | None, config_drive: Mapping[str, bytes]
) -> Steps:
    """
    The boot disk begins again with the content of `origin`, a sealed block volume.  size_gib: to
    grow it to before, when the image needs more or nobody knows how large it is.
    """
    body = {"start": False, "osparams_private": {"config_drive": _drive(config_drive)}}
    return _while_off(
        at,
        *(() if size_gib is None else grow_root(at, size_gib, despite=("wrong_state",))),
        Step(_modify(at, {"disks": [["modify", 0, {"origin": origin}]]})),
        Step(_wish(at, "reinstall", "POST", "/reinstall", body)),
    )


def rescue(at: Place, origin: str, size_gib: int, config_drive: Mapping[str, bytes]) -> Steps:
    """
    It boots from a disk of its own that is a clone of `origin`, with its other disks behind that.
    """
    disk = {
        "name": rescue_disk(at.server_id),
        "size": size_gib * MIB_OF_GIB,
        "provider": "archipelago",
        "origin": origin,
    }
    told = {"config_drive": _drive(config_drive)}
    body = {"disks": [["add", 0, disk]], "osparams_private": told}
    add = Step(_modify(at, body), _without_rescue_disk(at))
    return (*off(at), add, Step(start_server(at.server_id, at.cluster_id)))


def unrescue(at: Place) -> Steps:
    """
    It boots from its own disk, and the other is gone.
    """
    stop = stop_server(at.server_id, at.cluster_id, timeout_s=0)
    start = start_server(at.server_id, at.cluster_id)
    return Step(stop), Step(_without_rescue_disk(at)), Step(start)


def snapshot(at: Place, names: Mapping[str, str]) -> Steps:
    """
    The present content of disks is kept, sealed.  names: block volume -> name of its snapshot.
    """
    disks = [[disk, {"snapshot_name": name}] for disk, name in names.items()]
    return (Step(_wish(at, "snapshot", "POST", "/snapshot", {"disks": disks})),)


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


def _beparams(at: Place, sizes: Sizes) -> Wish:
    return _modify(at, {"beparams": {"vcpus": sizes.vcpus, "memory": sizes.memory_mib}})


def _without_rescue_disk(at: Place) -> Wish:
    return _modify(at, {"disks": [["remove", rescue_disk(at.server_id), {}]]})


def _modify(at: Place, body: dict[str, Any]) -> Wish:
    return _wish(at, "modify", "PUT", "/modify", body)


def off(at: Place) -> Steps:
    """
    A guest that runs is stopped, and runs again if a later step fails.
    """
    if not at.runs:
        return ()
    start = start_server(at.server_id, at.cluster_id)
    return (Step(stop_server(at.server_id, at.cluster_id), start),)


def _while_off(at: Place, *steps: Step) -> Steps:
    if not at.runs:
        return steps
    return (*off(at), *steps, Step(start_server(at.server_id, at.cluster_id)))


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
