"""
Wishes: what is to be asked of a cluster, as data.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen(kw_only=True)
class Wish:
    """
    One RAPI call to come.  `target` is the id of the server or network it is about; effects of
    one target are sent in the order in which they were written.
    """

    kind: str
    target: str
    cluster_id: str
    method: str
    path: str
    query: dict[str, str] = field(factory=dict)
    body: dict[str, Any] | None = None


@frozen(kw_only=True)
class DiskPlan:
    """
    size in GiB; origin is the sealed block volume that the disk is cloned from, or None.  is_there:
    it exists already and keeps what it has.  mode: rw or ro.
    """

    volume_id: str
    size_gib: int
    origin: str | None
    is_there: bool = False
    mode: str = "rw"


@frozen(kw_only=True)
class NicPlan:
    """
    One port as the cluster shall plug it.  security_groups: ids.
    """

    port_id: str
    network_id: str
    ip_address: str
    mac_address: str
    is_secure: bool
    security_groups: tuple[str, ...]


@frozen(kw_only=True)
class ServerPlan:
    """
    A server to come.  config_drive: path in the drive -> content; memory in MiB.
    """

    server_id: str
    cluster_id: str
    vcpus: int
    memory_mib: int
    disks: tuple[DiskPlan, ...]
    nics: tuple[NicPlan, ...]
    config_drive: dict[str, bytes]
