"""
What a cluster is asked when volumes come into servers, grow there, and go again.  Pure.

Bodies as RAPI of Ganeti 3 takes them; `reuse_data` and `keep_disks` are of its external storage.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.effect.plan import instance_name
from synnefo_tx.effect.plans.server_life import MIB_OF_GIB, volume_disk
from synnefo_tx.effect.wishes import Wish


def attach(server_id: str, cluster_id: str, volume_id: str, size_gib: int, mode: str) -> Wish:
    """
    A volume that is there becomes the server's last disk; a running guest sees it at once.  mode:
    rw or ro.
    """
    disk = {
        "name": volume_disk(volume_id),
        "size": size_gib * MIB_OF_GIB,
        "mode": mode,
        "provider": "archipelago",
        "reuse_data": "True",
    }
    return _modify("volume.attach", server_id, cluster_id, {"disks": [["add", -1, disk]]})


def detach(server_id: str, cluster_id: str, volume_id: str) -> Wish:
    """
    A volume leaves the server and stays as it is.
    """
    body = {"disks": [["remove", volume_disk(volume_id), {}]], "keep_disks": True}
    return _modify("volume.detach", server_id, cluster_id, body)


def grow(server_id: str, cluster_id: str, place: int, size_gib: int) -> Wish:
    """
    The server's disk number `place` is `size_gib` large; a running guest sees it at once.
    """
    return Wish(
        kind="volume.grow",
        target=server_id,
        cluster_id=cluster_id,
        method="POST",
        path=f"/2/instances/{instance_name(server_id)}/disk/{place}/grow",
        body={"amount": size_gib * MIB_OF_GIB, "absolute": True},
    )


def _modify(kind: str, server_id: str, cluster_id: str, body: dict[str, Any]) -> Wish:
    return Wish(
        kind=kind,
        target=server_id,
        cluster_id=cluster_id,
        method="PUT",
        path=f"/2/instances/{instance_name(server_id)}/modify",
        body={**body, "hotplug_if_possible": True},
    )
