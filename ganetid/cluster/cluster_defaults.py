"""
The cluster's own parameters: what OP_CLUSTER_SET_PARAMS may set and what holds otherwise.

Source: Ganeti 3.0.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganetid.cluster.defaults import NICPARAMS
from ganetid.cluster.model import ClusterFacts, Group, Member
from ganetid.cluster.typed import types_of

NDPARAMS: Mapping[str, Any] = {
    "cpu_speed": 1.0,
    "exclusive_storage": False,
    "oob_program": "",
    "ovs": False,
    "ovs_link": "",
    "ovs_name": "switch1",
    "spindle_count": 1,
    "ssh_port": 22,
}
NDPARAM_TYPES = types_of(NDPARAMS)

_DRBD: Mapping[str, Any] = {
    "c-delay-target": 1, "c-fill-target": 0, "c-max-rate": 61440, "c-min-rate": 4096,
    "c-plan-ahead": 20, "data-stripes": 1, "disk-barriers": "n", "disk-custom": "",
    "dynamic-resync": False, "meta-barriers": False, "meta-stripes": 1, "metavg": "xenvg",
    "net-custom": "", "protocol": "C", "resync-rate": 61440,
}  # fmt: skip
DISKPARAMS: Mapping[str, Mapping[str, Any]] = {
    "blockdev": {},
    "diskless": {},
    "drbd": _DRBD,
    "ext": {"access": "kernelspace"},
    "file": {},
    "gluster": {"access": "kernelspace", "host": "127.0.0.1", "port": 24007, "volume": "gv0"},
    "plain": {"stripes": 1},
    "rbd": {"access": "kernelspace", "pool": "rbd"},
    "sharedfile": {},
}
DISKPARAM_TYPES = {name: types_of(params) for name, params in DISKPARAMS.items()}
COLLECTORS = ("cpu-avg-load", "diskstats", "drbd", "inst-status-xen", "lv", "xen-cpu-avg-load")
COLLECTOR_INTERVAL_US = 5_000_000

CLUSTER: Mapping[str, Any] = {
    "candidate_pool_size": 10,
    "max_running_jobs": 20,
    "max_tracked_jobs": 25,
    "mac_prefix": "aa:00:00",
    "master_ip": "",
    "master_netdev": "lo",
    "master_netmask": 32,
    "use_external_mip_script": False,
    "vg_name": None,
    "drbd_helper": None,
    "file_storage_dir": "",
    "shared_file_storage_dir": "",
    "gluster_storage_dir": "",
    "maintain_node_health": False,
    "uid_pool": [],
    "default_iallocator": None,
    "default_iallocator_params": {},
    "reserved_lvs": [],
    "prealloc_wipe_disks": False,
    "hidden_os": [],
    "blacklisted_os": [],
    "install_image": "",
    "instance_communication_network": "",
    "zeroing_image": "",
    "compression_tools": ["gzip", "gzip-fast", "gzip-slow"],
    "enabled_user_shutdown": True,
    "modify_etc_hosts": False,
}


def cluster_parameter(facts: ClusterFacts, name: str) -> Any:
    """A parameter of the cluster as it counts."""
    return facts.params.get(name, CLUSTER[name])


def cluster_ndparams(facts: ClusterFacts) -> dict[str, Any]:
    """The cluster's node parameters."""
    return {**NDPARAMS, **facts.params.get("ndparams", {})}


def group_ndparams(facts: ClusterFacts, group: Group) -> dict[str, Any]:
    """Node parameters that count in a group."""
    return {**cluster_ndparams(facts), **group.ndparams}


def node_ndparams(facts: ClusterFacts, group: Group, member: Member) -> dict[str, Any]:
    """Node parameters that count for a node."""
    return {**group_ndparams(facts, group), **member.ndparams}


def cluster_diskparams(facts: ClusterFacts) -> dict[str, dict[str, Any]]:
    """The cluster's disk parameters, of every template."""
    given = facts.params.get("diskparams", {})
    return {name: {**params, **given.get(name, {})} for name, params in DISKPARAMS.items()}


def group_diskparams(facts: ClusterFacts, group: Group) -> dict[str, dict[str, Any]]:
    """Disk parameters that count in a group."""
    return {
        name: {**params, **group.diskparams.get(name, {})}
        for name, params in cluster_diskparams(facts).items()
    }


def cluster_nicparams(facts: ClusterFacts) -> dict[str, Any]:
    """The cluster's NIC parameters."""
    return {**NICPARAMS, **facts.params.get("nicparams", {})}


def enabled_templates(facts: ClusterFacts, possible: Iterable[str]) -> list[str]:
    """
    Disk templates that are switched on, of those possible; the preferred one first.

    Where nothing was said, devices of the nodes are not for instances.
    """
    able = set(possible)
    given = facts.params.get("enabled_disk_templates")
    return (
        sorted(able - {"blockdev"}) if given is None else [name for name in given if name in able]
    )


def enabled_hypervisors(facts: ClusterFacts, possible: Iterable[str]) -> list[str]:
    """Hypervisors that are switched on, of those possible; the default one first."""
    able = list(possible)
    given = facts.params.get("enabled_hypervisors")
    return able if given is None else [name for name in given if name in able]
