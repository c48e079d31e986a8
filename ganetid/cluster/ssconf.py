"""
What every node has of the configuration in plain files: Ganeti's ssconf.

Programs of others on a node, hooks for one, read there who is master and which nodes there are.
Source: Ganeti 3.0.2, lib/config and lib/ssconf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganetid.cluster.cluster_defaults import (
    cluster_parameter,
    enabled_hypervisors,
    node_ndparams,
)
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Member
from ganetid.cluster.parameters import cluster_hvparams

RELEASE_VERSION = "3.0.2"  # of the Ganeti whose files these are
IPV4, IPV6 = "2", "10"  # Ganeti writes the numbers of Linux's address families
AS_SET = (
    "file_storage_dir", "shared_file_storage_dir", "gluster_storage_dir", "master_netdev",
    "master_netmask", "maintain_node_health", "enabled_user_shutdown",
)  # fmt: skip


def ssconf_of(cluster: Configuration, hypervisors: Iterable[str]) -> dict[str, str]:
    """Content by name, without line ends; hypervisors: those that nodes have."""
    members = sorted(cluster.members.values(), key=lambda each: each.name)
    candidates = [each for each in members if each.master_candidate]
    facts, able = cluster.facts, tuple(hypervisors)
    ip = master_ip(cluster)
    return {
        "cluster_name": cluster.cluster_name,
        "cluster_tags": _lines(sorted(facts.tags)),
        "master_candidates": _lines(each.name for each in candidates),
        "master_candidates_ips": _lines(each.primary_ip for each in candidates),
        "master_candidates_certs": _lines(
            f"{each.uuid}={each.fingerprint}" for each in candidates if each.fingerprint
        ),
        "master_ip": ip,
        "master_node": cluster.master,
        "primary_ip_family": IPV6 if ":" in ip else IPV4,
        "instance_list": _lines(cluster.instance_names),
        "release_version": RELEASE_VERSION,
        "hypervisor_list": _lines(enabled_hypervisors(facts, able)),
        "uid_pool": _lines(_range(*each) for each in cluster_parameter(facts, "uid_pool")),
        "nodegroups": _named(cluster.groups),
        "networks": _named(cluster.networks),
        **{name: str(cluster_parameter(facts, name)) for name in AS_SET},
        **_of_nodes(cluster, members),
        **{f"hvparams_{name}": _pairs(cluster_hvparams(name, facts)) for name in able},
    }


def master_ip(cluster: Configuration) -> str:
    """The cluster's own address; without one the master's."""
    master = cluster.members.get(cluster.master)
    own = "" if master is None else master.primary_ip
    return str(cluster.facts.params.get("master_ip") or own)


def _of_nodes(cluster: Configuration, members: list[Member]) -> dict[str, str]:
    return {
        "node_list": _lines(each.name for each in members),
        "node_primary_ips": _lines(f"{each.name} {each.primary_ip}" for each in members),
        "node_secondary_ips": _lines(f"{each.name} {each.secondary_ip}" for each in members),
        "node_vm_capable": _lines(f"{each.name}={each.vm_capable}" for each in members),
        "offline_nodes": _lines(each.name for each in members if each.offline),
        "online_nodes": _lines(each.name for each in members if not each.offline),
        "ssh_ports": _lines(f"{each.name}={_ssh_port(cluster, each)}" for each in members),
    }


def _ssh_port(cluster: Configuration, member: Member) -> int:
    params = node_ndparams(cluster.facts, cluster.groups[member.group], member)
    return int(params["ssh_port"])


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _named(things: Mapping[str, Any]) -> str:
    return _lines(sorted(f"{each.uuid} {each.name}" for each in things.values()))


def _pairs(params: Mapping[str, Any]) -> str:
    return _lines(f"{name}={value}" for name, value in sorted(params.items()))


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
