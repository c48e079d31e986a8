"""
From the configuration and what nodes told of themselves to what the allocator decides over.
"""

from __future__ import annotations

from ganetid.cluster.cluster_defaults import enabled_templates
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ADMIN_UP, ClusterFacts, Instance, Member
from ganetid.cluster.parameters import actual_beparams
from ganetid.cluster.policy import cluster_policy, group_policy
from ganetid.node.registry import Nodes
from ganetid.placement.allocator import PREFERRED, Load, Room, exclusion_tags

SHARED = frozenset({"ext", "sharedfile", "diskless", "rbd", "gluster", "blockdev"})
ENDLESS_MIB = 1 << 50  # of guests that take nothing
MOST_KNOWN = 100_000

# Loads of instances that have not changed: values from values, so that an old one is never wrong.
_known: dict[str, tuple[Instance, ClusterFacts, Load]] = {}


def rooms_of(cluster: Configuration, nodes: Nodes) -> list[Room]:
    """All nodes of the cluster.  One that can't be reached takes nothing."""
    return [
        _room(member, cluster, nodes)
        for member in sorted(cluster.members.values(), key=lambda each: each.name)
    ]


def load_of(instance: Instance, cluster: Configuration) -> Load:
    """What an instance takes; one that is down keeps no memory, as in Ganeti's htools."""
    known = _known.get(instance.name)
    if known is None or known[0] is not instance or known[1] is not cluster.facts:
        if len(_known) > MOST_KNOWN:
            _known.clear()
        known = _known[instance.name] = (instance, cluster.facts, _load(instance, cluster))
    return known[2]


def _load(instance: Instance, cluster: Configuration) -> Load:
    beparams = actual_beparams(instance.beparams, cluster.facts)
    shared = instance.disk_template in SHARED
    counts = instance.admin_state == ADMIN_UP or instance.forthcoming
    return Load(
        name=instance.name,
        memory_mib=int(beparams["maxmem"]) if counts else 0,
        vcpus=int(beparams["vcpus"]) if counts else 0,
        local_disk_mib=0 if shared else sum(disk.size_mib for disk in instance.disks),
        tags=exclusion_tags(instance.tags, cluster.facts.tags),
        movable=shared and not instance.forthcoming,
    )


def _room(member: Member, cluster: Configuration, nodes: Nodes) -> Room:
    node, group = nodes.get(member.name), cluster.groups.get(member.group)
    facts = node.known_facts if node is not None else None
    is_there = node is not None and node.is_reachable
    is_fake = is_there and node is not None and node.abilities.default_hypervisor == "fake"
    loads = tuple(load_of(each, cluster) for each in cluster.on_node(member.name))
    local = sum(load.local_disk_mib for load in loads)
    possible = node.abilities.templates if node is not None and is_there else frozenset()
    policy = group_policy(
        cluster_policy(cluster.facts.params, enabled_templates(cluster.facts, possible)),
        group.ipolicy if group else {},
    )
    return Room(
        name=member.name,
        group=member.group,
        memory_mib=ENDLESS_MIB if is_fake or facts is None else facts.memory_total,
        cpus=ENDLESS_MIB if is_fake or facts is None else facts.cpus,
        disk_mib=ENDLESS_MIB if facts is None else facts.disk_free + local,
        vcpu_ratio=float(policy["vcpu-ratio"]),
        group_policy=group.alloc_policy if group else PREFERRED,
        takes=member.takes_instances and is_there,
        carries=loads,
    )
