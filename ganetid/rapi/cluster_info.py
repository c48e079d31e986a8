"""
/2/info: the cluster's own facts, with every key that Ganeti 3.0 has.
"""

from __future__ import annotations

from typing import Any

from ganetid.cluster.cluster_defaults import (
    COLLECTOR_INTERVAL_US,
    COLLECTORS,
    cluster_diskparams,
    cluster_ndparams,
    cluster_nicparams,
    cluster_parameter,
    enabled_hypervisors,
    enabled_templates,
)
from ganetid.cluster.model import ClusterFacts
from ganetid.cluster.parameters import cluster_beparams, cluster_hvparams
from ganetid.cluster.policy import cluster_policy
from ganetid.rapi.api import Api

SOFTWARE_VERSION = "3.0.2"  # of the Ganeti whose remote API this is
# Parameters that are shown as they count, under their own names:
SHOWN = (
    "candidate_pool_size", "max_running_jobs", "max_tracked_jobs", "mac_prefix", "master_ip",
    "master_netdev", "master_netmask", "use_external_mip_script", "vg_name", "drbd_helper",
    "file_storage_dir",
    "shared_file_storage_dir", "gluster_storage_dir", "maintain_node_health", "uid_pool",
    "default_iallocator", "default_iallocator_params", "reserved_lvs", "prealloc_wipe_disks",
    "hidden_os", "blacklisted_os", "install_image", "instance_communication_network",
    "zeroing_image", "compression_tools", "enabled_user_shutdown",
)  # fmt: skip


def info(api: Api) -> dict[str, Any]:
    """The cluster dictionary."""
    facts, abilities = api.cluster.facts, api.nodes.own.abilities
    hypervisors = enabled_hypervisors(facts, abilities.hypervisors)
    return {
        "software_version": SOFTWARE_VERSION,
        "protocol_version": 3000000,
        "config_version": 3000000,
        "os_api_version": 20,
        "export_version": 0,
        "vcs_version": "synnefo-tx ganetid",
        "architecture": ["64bits", "x86_64"],
        "name": api.cluster.cluster_name,
        "master": api.cluster.master,
        "default_hypervisor": hypervisors[0],
        "enabled_hypervisors": hypervisors,
        "hvparams": {name: cluster_hvparams(name, facts) for name in abilities.hypervisors},
        **_parameters(facts, enabled_templates(facts, abilities.templates)),
        "primary_ip_version": 4,
        "ctime": facts.ctime,
        "mtime": facts.mtime or facts.ctime,
        "uuid": facts.uuid,
        "tags": list(facts.tags),
        "modify_ssh_setup": False,
        "ssh_key_type": "rsa",
        "ssh_key_bits": 2048,
        "network_mode": abilities.network_mode,
    }


def _parameters(facts: ClusterFacts, templates: list[str]) -> dict[str, Any]:
    """What OP_CLUSTER_SET_PARAMS sets."""
    params = facts.params
    shown = {name: cluster_parameter(facts, name) for name in SHOWN}
    return {
        "os_hvp": params.get("os_hvp", {}),
        "beparams": {"default": cluster_beparams(facts)},
        "osparams": params.get("osparams", {}),
        "ipolicy": cluster_policy(params, templates),
        "nicparams": {"default": cluster_nicparams(facts)},
        "ndparams": cluster_ndparams(facts),
        "diskparams": cluster_diskparams(facts),
        **shown,
        "volume_group_name": shown["vg_name"],
        "drbd_usermode_helper": shown["drbd_helper"],
        "enabled_disk_templates": templates,
        "enabled_data_collectors": {
            **dict.fromkeys(COLLECTORS, True),
            **params.get("enabled_data_collectors", {}),
        },
        "data_collector_interval": {
            **dict.fromkeys(COLLECTORS, COLLECTOR_INTERVAL_US),
            **params.get("data_collector_interval", {}),
        },
    }
