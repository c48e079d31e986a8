"""
The parameters of OP_CLUSTER_SET_PARAMS.
"""

from __future__ import annotations

from ganetid.cluster.address import is_address
from ganetid.opcodes.definition import Field
from ganetid.opcodes.fields import (
    DISK_TEMPLATES,
    Kind,
    boolean,
    dict_of,
    dict_of_dicts,
    disk_template,
    hypervisor,
    integer,
    list_of,
    list_of_text,
    mapping,
    nic_parameters,
    not_negative,
    optional,
    positive,
    string,
    text,
    tuple_of,
)

address = Kind(is_address, {"type": "string", "description": "an IP address, empty for none"})
_ranges = optional(list_of(tuple_of(integer, integer)))
_os_changes = optional(list_of(tuple_of(text, text)))

# Set as they are given:
_PLAIN = (
    Field("vg_name", optional(string)),
    Field("enabled_hypervisors", optional(list_of(hypervisor))),
    Field("candidate_pool_size", optional(positive)),
    Field("max_running_jobs", optional(positive)),
    Field("max_tracked_jobs", optional(positive)),
    Field("uid_pool", _ranges),
    Field("maintain_node_health", optional(boolean)),
    Field("prealloc_wipe_disks", optional(boolean)),
    Field("drbd_helper", optional(string)),
    Field("default_iallocator", optional(string)),
    Field("default_iallocator_params", optional(mapping)),
    Field("mac_prefix", optional(text)),
    Field("master_ip", optional(address)),
    Field("master_netdev", optional(string)),
    Field("master_netmask", optional(not_negative)),
    Field("reserved_lvs", optional(list_of_text)),
    Field("use_external_mip_script", optional(boolean)),
    Field("enabled_disk_templates", optional(list_of(disk_template))),
    Field("modify_etc_hosts", optional(boolean)),
    Field("file_storage_dir", optional(string)),
    Field("shared_file_storage_dir", optional(string)),
    Field("gluster_storage_dir", optional(string)),
    Field("install_image", optional(string)),
    Field("instance_communication_network", optional(string)),
    Field("zeroing_image", optional(string)),
    Field("compression_tools", optional(list_of_text)),
    Field("enabled_user_shutdown", optional(boolean)),
)
PLAIN = tuple(each.name for each in _PLAIN)

FIELDS = (
    Field("force", boolean, False),
    Field("hv_state", optional(mapping)),
    Field("disk_state", optional(mapping)),
    Field("hvparams", optional(dict_of_dicts)),
    Field("beparams", optional(mapping)),
    Field("os_hvp", optional(dict_of_dicts)),
    Field("osparams", optional(dict_of_dicts)),
    Field("osparams_private_cluster", optional(dict_of_dicts)),
    Field("diskparams", optional(dict_of(mapping, DISK_TEMPLATES))),
    Field("add_uids", _ranges),
    Field("remove_uids", _ranges),
    Field("nicparams", optional(nic_parameters)),
    Field("ndparams", optional(mapping)),
    Field("ipolicy", optional(mapping)),
    Field("hidden_os", _os_changes),
    Field("blacklisted_os", _os_changes),
    Field("enabled_data_collectors", optional(dict_of(boolean))),
    Field("data_collector_interval", optional(dict_of(integer))),
    *_PLAIN,
)
