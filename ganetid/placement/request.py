"""
What a program of Ganeti's iallocator protocol is told: the cluster as it is, and the question.

Pure functions; sizes are MiB.  Source: Ganeti 3.0.2, lib/masterd/iallocator.py and
doc/iallocator.rst, version 2 of the protocol; checked against Debian's hail 3.0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ganetid.cluster.cluster_defaults import (
    cluster_nicparams,
    enabled_hypervisors,
    enabled_templates,
    node_ndparams,
)
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.defaults import beparams_from
from ganetid.cluster.model import ADMIN_UP, Instance, Member
from ganetid.cluster.parameters import actual_beparams
from ganetid.cluster.policy import cluster_policy, group_policy
from ganetid.node.registry import Nodes

VERSION = 2
REPORTED = frozenset({"file", "sharedfile"})  # templates of whose room Ganeti tells
Data = dict[str, Any]


def cluster_data(cluster: Configuration, nodes: Nodes, template: str) -> Data:
    """Everything but the request.  template: of whose room is told."""
    facts = cluster.facts
    hypervisors = [name for node in nodes for name in node.abilities.hypervisors]
    possible = {name for node in nodes for name in node.abilities.templates}
    policy = cluster_policy(facts.params, enabled_templates(facts, possible))
    instances = cluster.everyone().values()
    return {
        "version": VERSION,
        "cluster_name": cluster.cluster_name,
        "cluster_tags": list(facts.tags),
        "enabled_hypervisors": list(dict.fromkeys(enabled_hypervisors(facts, hypervisors))),
        "ipolicy": policy,
        "nodegroups": {
            group.uuid: {
                "name": group.name,
                "alloc_policy": group.alloc_policy,
                "networks": [
                    network.uuid
                    for network in cluster.networks.values()
                    if any(each.group == group.name for each in network.connections)
                ],
                "ipolicy": group_policy(policy, group.ipolicy),
                "tags": list(group.tags),
            }
            for group in cluster.groups.values()
        },
        "nodes": {
            member.name: _node(member, cluster, nodes, template in REPORTED)
            for member in cluster.members.values()
        },
        "instances": {each.name: _instance(each, cluster) for each in instances},
    }


def allocation(given: Mapping[str, Any], cluster: Configuration, template: str) -> Data:
    """The request for a new instance.  given: parameters of OP_INSTANCE_CREATE."""
    beparams = actual_beparams(beparams_from(given["beparams"]), cluster.facts)
    disks = [
        {"size": int(disk["size"]), "mode": disk.get("mode", "rw"), "type": template}
        for disk in given["disks"]
    ]
    return {
        "type": "allocate",
        "name": given["instance_name"],
        "disk_template": template,
        "group_name": given["group_name"],
        "tags": list(given["tags"]),
        "os": given["os_type"] or "",
        "vcpus": beparams["vcpus"],
        "memory": beparams["maxmem"],
        "spindle_use": beparams["spindle_use"],
        "disks": disks,
        "disk_space_total": sum(disk["size"] for disk in disks),
        "nics": [dict(nic) for nic in given["nics"]],
        "required_nodes": 1,
        "hypervisor": given["hypervisor"],
    }


def relocation(instance: Instance, away_from: Collection[str]) -> Data:
    """The request for another node for an instance, in its group."""
    return {
        "type": "relocate",
        "name": instance.name,
        "disk_space_total": sum(disk.size_mib for disk in instance.disks),
        "required_nodes": 1,
        "relocate_from": list(away_from),
    }


def group_change(instance: Instance, groups: Sequence[str]) -> Data:
    """The request for a node of another group.  groups: UUIDs of those possible."""
    return {"type": "change-group", "instances": [instance.name], "target_groups": list(groups)}


def _node(member: Member, cluster: Configuration, nodes: Nodes, with_disk: bool) -> Data:
    group = cluster.groups[member.group]
    told: Data = {
        "tags": list(member.tags),
        "primary_ip": member.primary_ip,
        "secondary_ip": member.secondary_ip,
        "offline": member.offline,
        "drained": member.drained,
        "master_candidate": member.master_candidate,
        "group": group.uuid,
        "master_capable": member.master_capable,
        "vm_capable": member.vm_capable,
        "ndparams": node_ndparams(cluster.facts, group, member),
    }
    node = nodes.get(member.name)
    if node is None or not node.is_reachable or node.known_facts is None:
        return {**told, "offline": True}  # nothing can be placed where nobody answers
    facts, running = node.known_facts, node.running
    here = [
        (each.name, actual_beparams(each.beparams, cluster.facts)["maxmem"], each.admin_state)
        for each in cluster.on_node(member.name)
    ]
    promised = sum(
        memory for name, memory, state in here if state == ADMIN_UP and name not in running
    )
    return {
        **told,
        "total_memory": facts.memory_total,
        "reserved_memory": facts.memory_node,
        "free_memory": facts.memory_free - promised,
        "total_disk": facts.disk_total if with_disk else 0,
        "free_disk": facts.disk_free if with_disk else 0,
        "total_spindles": 0,
        "free_spindles": 0,
        "total_cpus": facts.cpus,
        "reserved_cpus": 1,
        "i_pri_memory": sum(memory for _, memory, _ in here),
        "i_pri_up_memory": sum(memory for _, memory, state in here if state == ADMIN_UP),
    }


def _instance(instance: Instance, cluster: Configuration) -> Data:
    beparams = actual_beparams(instance.beparams, cluster.facts)
    template = instance.disk_template
    nicparams = cluster_nicparams(cluster.facts)
    return {
        "tags": list(instance.tags),
        "admin_state": instance.admin_state,
        "vcpus": beparams["vcpus"],
        "memory": beparams["maxmem"],
        "spindle_use": beparams["spindle_use"],
        "os": instance.os_type,
        "nodes": [instance.primary_node],
        "nics": [
            {"mac": nic.mac, "ip": nic.ip, "mode": nic.mode or nicparams["mode"], "link": nic.link}
            for nic in instance.nics
        ],
        "disks": [
            {"type": template, "size": disk.size_mib, "mode": disk.mode, "spindles": None}
            for disk in instance.disks
        ],
        "disk_template": template,
        "disks_active": instance.admin_state == ADMIN_UP,
        "hypervisor": instance.hypervisor,
        "disk_space_total": sum(disk.size_mib for disk in instance.disks),
        "forthcoming": instance.forthcoming,
    }
