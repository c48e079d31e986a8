"""
What differs between a cluster and the rows about it.  Pure.

The rows are read before and after the cluster is asked: of servers that have changed meanwhile
nothing is said, since either side may be the older one.
"""

from __future__ import annotations

from collections.abc import Iterator

from synnefo_tx.reconcile.values import ClusterKnown, ClusterShown, Drift, Known, Shown

STALE, ORPHAN, LOST_TASK = "server.stale", "server.orphan", "server.task"
STATE, NODE, FLAVOR = "server.state", "server.node", "server.flavor"
NICS, DISKS = "server.nics", "server.disks"
NETWORK_MISSING, NETWORK_ORPHAN = "network.missing", "network.orphan"
RUNS = {"active": True, "stopped": False}  # vm_state -> whether its guest runs


def differences(
    cluster_id: str,
    before: ClusterKnown,
    shown: ClusterShown,
    after: ClusterKnown,
    lost_before_us: int,
) -> list[Drift]:
    """
    Sorted.  lost_before_us: a server that waits for a job since before then, with none asked for,
    waits for nothing.
    """
    return sorted(
        [
            *_servers(cluster_id, before, shown, after, lost_before_us),
            *_networks(cluster_id, before, shown, after),
        ]
    )


def _servers(
    cluster_id: str,
    before: ClusterKnown,
    shown: ClusterShown,
    after: ClusterKnown,
    lost_before_us: int,
) -> Iterator[Drift]:
    for server_id in shown.servers.keys() - before.servers.keys() - after.servers.keys():
        yield Drift(ORPHAN, server_id, cluster_id, "gone", _how(shown.servers[server_id]))
    for server_id, known in before.servers.items():
        if known.busy or after.servers.get(server_id) != known:
            continue
        instance = shown.servers.get(server_id)
        # One that an earlier release began to build may be at nothing.
        awaited = known.task_state or ("building" if known.vm_state == "building" else None)
        if awaited is not None:
            if known.updated_at < lost_before_us:
                yield Drift(LOST_TASK, server_id, cluster_id, awaited, _how(instance))
        elif instance is not None:
            yield from _one(cluster_id, server_id, known, instance)
        elif known.is_built:
            yield Drift(STALE, server_id, cluster_id, known.vm_state, "gone")


def _one(cluster_id: str, server_id: str, known: Known, shown: Shown) -> Iterator[Drift]:
    due = RUNS.get(known.vm_state)
    if due is not None and shown.runs is not None and due != shown.runs:
        yield Drift(STATE, server_id, cluster_id, known.vm_state, _how(shown))
    if known.node is not None and shown.node is not None and known.node != shown.node:
        yield Drift(NODE, server_id, cluster_id, known.node, shown.node)
    sizes = (known.vcpus, known.memory_mib), (shown.vcpus, shown.memory_mib)
    if sizes[0] != sizes[1]:
        said = [f"{vcpus} vCPUs, {memory} MiB" for vcpus, memory in sizes]
        yield Drift(FLAVOR, server_id, cluster_id, *said)
    for what, ours, theirs in (
        (NICS, known.nics, shown.nics),
        (DISKS, known.disks, shown.disks),
    ):
        if ours != theirs:
            extra = (" ".join(sorted(ours - theirs)), " ".join(sorted(theirs - ours)))
            yield Drift(what, server_id, cluster_id, *extra)


def _networks(
    cluster_id: str, before: ClusterKnown, shown: ClusterShown, after: ClusterKnown
) -> Iterator[Drift]:
    for network_id in (before.networks & after.networks) - shown.networks:
        yield Drift(NETWORK_MISSING, network_id, cluster_id, "stands", "gone")
    for network_id in shown.networks - before.asked - after.asked:
        yield Drift(NETWORK_ORPHAN, network_id, cluster_id, "gone", "stands")


def _how(shown: Shown | None) -> str:
    if shown is None:
        return "gone"
    return {True: "running", False: "stopped", None: "not known"}[shown.runs]
