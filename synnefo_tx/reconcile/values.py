"""
What is compared: a cluster as it shows itself, a cluster as the rows know it, and what differs.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen(kw_only=True)
class Shown:
    """
    An instance as its cluster shows it.  runs: None when the cluster can't tell.  memory in MiB.
    nics, disks: names.
    """

    runs: bool | None
    node: str | None
    vcpus: int
    memory_mib: int
    nics: frozenset[str]
    disks: frozenset[str]


@frozen(kw_only=True)
class Known:
    """
    A server that is not gone, as its row says.  busy: something is asked of it that has not ended.
    is_built: its cluster should have it.  updated_at: microseconds.
    """

    vm_state: str
    task_state: str | None
    node: str | None
    vcpus: int
    memory_mib: int
    nics: frozenset[str]
    disks: frozenset[str]
    busy: bool
    is_built: bool
    updated_at: int


@frozen(kw_only=True)
class ClusterShown:
    """
    servers: by their ids, ours alone.  networks: ids of ours.
    """

    servers: Mapping[str, Shown]
    networks: frozenset[str]


@frozen(kw_only=True)
class ClusterKnown:
    """
    servers: by id.  networks: those that stand there, and with nothing under way; asked: all that
    were ever asked for there and have not left.
    """

    servers: Mapping[str, Known]
    networks: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()


@frozen(order=True)
class Drift:
    """
    One difference.  what: "server.stale", "network.missing", ...; known, shown: for people.
    """

    what: str
    thing_id: str
    cluster_id: str = ""
    known: str = ""
    shown: str = ""


@frozen
class Found:
    """
    All of a run, and the clusters that could not be asked with the reason.
    """

    drifts: tuple[Drift, ...]
    away: Mapping[str, str] = field(factory=dict)
