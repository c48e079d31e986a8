"""
The cluster itself, its node, its node group, its operating systems and all tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.defaults import BEPARAMS, HVPARAMS, NICPARAMS, filled
from ganetid.node.facts import NodeFacts, read_facts
from ganetid.opcodes.errors import OpPrereqError
from ganetid.opcodes.tags import tags_of
from ganetid.rapi.api import Api, Verb, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault

SOFTWARE_VERSION = "3.0.2"  # of the Ganeti whose remote API this is
FEATURES = ["instance-create-reqv1", "instance-reinstall-reqv1", "node-migrate-reqv1",
            "node-evac-res1"]  # fmt: skip
OPERATING_SYSTEMS = ["snf-image+default"]
IPOLICY: Mapping[str, Any] = {
    "minmax": [
        {
            "min": {"memory-size": 64, "cpu-count": 1, "disk-count": 0, "disk-size": 0,
                    "nic-count": 0, "spindle-use": 1},
            "max": {"memory-size": 1048576, "cpu-count": 256, "disk-count": 16,
                    "disk-size": 67108864, "nic-count": 8, "spindle-use": 12},
        }
    ],
    "std": {"memory-size": 1024, "cpu-count": 1, "disk-count": 1, "disk-size": 10240,
            "nic-count": 1, "spindle-use": 1},
    "spindle-ratio": 32.0,
    "vcpu-ratio": 16.0,
}  # fmt: skip


def _info(api: Api, call: Call) -> Any:
    facts, hypervisors = api.cluster.facts, list(api.node.hypervisors)
    templates = sorted(api.node.templates)
    return {
        "software_version": SOFTWARE_VERSION,
        "protocol_version": 3000000,
        "config_version": 3000000,
        "os_api_version": 20,
        "export_version": 0,
        "vcs_version": "synnefo-tx ganetid",
        "architecture": ["64bits", "x86_64"],
        "name": api.cluster.cluster_name,
        "master": api.cluster.node_name,
        "default_hypervisor": api.node.default_hypervisor,
        "enabled_hypervisors": hypervisors,
        "hvparams": {name: dict(HVPARAMS) for name in hypervisors},
        "os_hvp": {},
        "beparams": {"default": dict(BEPARAMS)},
        "osparams": {},
        "ipolicy": {**IPOLICY, "disk-templates": templates},
        "nicparams": {"default": dict(NICPARAMS)},
        "ndparams": {},
        "diskparams": {name: {} for name in templates},
        "candidate_pool_size": 1,
        "max_running_jobs": 20,
        "max_tracked_jobs": 25,
        "mac_prefix": "aa:00:00",
        "master_netdev": None,
        "master_netmask": 32,
        "use_external_mip_script": False,
        "volume_group_name": None,
        "vg_name": None,
        "drbd_usermode_helper": None,
        "drbd_helper": None,
        "file_storage_dir": "",
        "shared_file_storage_dir": "",
        "gluster_storage_dir": "",
        "maintain_node_health": False,
        "uid_pool": [],
        "default_iallocator": None,
        "default_iallocator_params": {},
        "reserved_lvs": [],
        "primary_ip_version": 4,
        "prealloc_wipe_disks": False,
        "hidden_os": [],
        "blacklisted_os": [],
        "enabled_disk_templates": templates,
        "enabled_user_shutdown": True,
        "ctime": facts.ctime,
        "mtime": facts.ctime,
        "uuid": facts.uuid,
        "tags": list(facts.tags),
        "network_mode": api.node.network.mode,
    }


def _node(api: Api, facts: NodeFacts) -> dict[str, Any]:
    instances = sorted(api.cluster.instances)
    used = sum(
        filled(instance.beparams, BEPARAMS)["maxmem"]
        for instance in api.cluster.instances.values()
        if api.node.seems_running(instance)
    )
    return {
        "name": api.cluster.node_name,
        "offline": False,
        "master_candidate": True,
        "drained": False,
        "dtotal": facts.disk_total,
        "dfree": facts.disk_free,
        "sptotal": None,
        "spfree": None,
        "mtotal": facts.memory_total,
        "mnode": facts.memory_node,
        "mfree": max(0, min(facts.memory_free, facts.memory_total - used)),
        "pinst_cnt": len(instances),
        "sinst_cnt": 0,
        "ctotal": facts.cpus,
        "cnos": 1,
        "cnodes": 1,
        "csockets": 1,
        "pip": "127.0.0.1",
        "sip": "127.0.0.1",
        "role": "M",
        "pinst_list": instances,
        "sinst_list": [],
        "master_capable": True,
        "vm_capable": True,
        "ndparams": {},
        "group.uuid": api.cluster.facts.group_uuid,
        "ctime": api.cluster.facts.ctime,
        "mtime": api.cluster.facts.ctime,
        "uuid": api.cluster.facts.node_uuid,
        "serial_no": 1,
        "tags": [],
    }


def _nodes(api: Api, call: Call) -> Any:
    name = api.cluster.node_name
    if not call.flag("bulk"):
        return [{"id": name, "uri": f"/2/nodes/{name}"}]
    return [_node(api, read_facts(api.state_directory))]


def _show_node(api: Api, call: Call) -> Any:
    if call.items[0] != api.cluster.node_name:
        raise Fault(404)
    return _node(api, read_facts(api.state_directory))


def _role(api: Api, call: Call) -> Any:
    if call.items[0] != api.cluster.node_name:
        raise Fault(404)
    return "master"


def _group(api: Api) -> dict[str, Any]:
    return {
        "name": "default",
        "alloc_policy": "preferred",
        "node_cnt": 1,
        "node_list": [api.cluster.node_name],
        "ipolicy": {**IPOLICY, "disk-templates": sorted(api.node.templates)},
        "custom_ipolicy": {},
        "diskparams": {},
        "custom_diskparams": {},
        "ndparams": {},
        "custom_ndparams": {},
        "ctime": api.cluster.facts.ctime,
        "mtime": api.cluster.facts.ctime,
        "uuid": api.cluster.facts.group_uuid,
        "serial_no": 1,
        "tags": [],
    }


def _groups(api: Api, call: Call) -> Any:
    if call.flag("bulk"):
        return [_group(api)]
    return [{"name": "default", "uri": "/2/groups/default"}]


def _show_group(api: Api, call: Call) -> Any:
    if call.items[0] != "default":
        raise Fault(404)
    return _group(api)


def _tags_verbs(kind: str) -> Mapping[str, Verb]:
    """GET, PUT and DELETE of an object's tags; PUT also takes them as a list in the body."""

    def static(call: Call) -> dict[str, Any]:
        tags = call.words("tag")
        if not tags and isinstance(call.body, list):
            tags = call.body
        name = call.items[0] if call.items else None
        return {"kind": kind, "name": name, "tags": tags, "dry_run": call.flag("dry-run")}

    def show(api: Api, call: Call) -> Any:
        try:
            return list(tags_of(api.cluster, kind, call.items[0] if call.items else None))
        except OpPrereqError:
            raise Fault(404) from None

    return {
        "GET": reads(show),
        "PUT": submits("OP_TAGS_SET", static, takes_body=False),
        "DELETE": submits("OP_TAGS_DEL", static, takes_body=False),
    }


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/": {"GET": reads(lambda api, call: None)},
    "/2": {"GET": reads(lambda api, call: None)},
    "/version": {"GET": reads(lambda api, call: 2)},
    "/2/info": {"GET": reads(_info)},
    "/2/features": {"GET": reads(lambda api, call: FEATURES)},
    "/2/os": {"GET": reads(lambda api, call: OPERATING_SYSTEMS)},
    "/2/nodes": {"GET": reads(_nodes)},
    "/2/nodes/{name}": {"GET": reads(_show_node)},
    "/2/nodes/{name}/role": {"GET": reads(_role)},
    "/2/groups": {"GET": reads(_groups)},
    "/2/groups/{name}": {"GET": reads(_show_group)},
    "/2/tags": _tags_verbs("cluster"),
    "/2/instances/{name}/tags": _tags_verbs("instance"),
    "/2/networks/{name}/tags": _tags_verbs("network"),
}
