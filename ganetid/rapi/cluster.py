"""
The cluster itself, its node, its node group, its operating systems and all tags.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.defaults import NICPARAMS
from ganetid.cluster.model import Group, Instance, Member
from ganetid.cluster.parameters import actual_beparams, cluster_beparams, cluster_hvparams
from ganetid.node.facts import NodeFacts
from ganetid.opcodes.errors import OpcodeError, OpPrereqError
from ganetid.opcodes.tags import tags_of
from ganetid.rapi.api import OPEN, Api, Verb, reads, submits
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


ROLE_LETTERS = {
    "master": "M",
    "master-candidate": "C",
    "regular": "R",
    "drained": "D",
    "offline": "O",
}


def _info(api: Api, call: Call) -> Any:
    facts, abilities = api.cluster.facts, api.nodes.own.abilities
    hypervisors = list(abilities.hypervisors)
    templates = sorted(abilities.templates)
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
        "default_hypervisor": abilities.default_hypervisor,
        "enabled_hypervisors": hypervisors,
        "hvparams": {name: cluster_hvparams(name, facts) for name in hypervisors},
        "os_hvp": {},
        "beparams": {"default": cluster_beparams(facts)},
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
        "network_mode": abilities.network_mode,
    }


async def _node(api: Api, member: Member) -> dict[str, Any]:
    """The node with Ganeti's N_FIELDS; what only it can tell is null when it can't be asked."""
    instances = api.cluster.on_node(member.name)
    node = api.nodes.get(member.name)
    facts = None
    if node is not None and not member.offline:
        with contextlib.suppress(OpcodeError):
            facts = await node.facts()
    group = api.cluster.groups[member.group]
    return {
        "name": member.name,
        "offline": member.offline,
        "master_candidate": member.master_candidate,
        "drained": member.drained,
        **_resources(facts, _used(api, instances)),
        "pinst_cnt": len(instances),
        "sinst_cnt": 0,
        "pip": member.primary_ip,
        "sip": member.secondary_ip,
        "role": ROLE_LETTERS[role_of(member, api.cluster.master)],
        "pinst_list": [instance.name for instance in instances],
        "sinst_list": [],
        "master_capable": member.master_capable,
        "vm_capable": member.vm_capable,
        "ndparams": member.ndparams,
        "group.uuid": group.uuid,
        "ctime": member.ctime,
        "mtime": member.mtime,
        "uuid": member.uuid,
        "serial_no": member.serial_no,
        "tags": list(member.tags),
    }


def role_of(member: Member, master: str) -> str:
    """Ganeti's word for what the node is."""
    if member.name == master:
        return "master"
    if member.offline:
        return "offline"
    if member.drained:
        return "drained"
    return "master-candidate" if member.master_candidate else "regular"


def _used(api: Api, instances: list[Instance]) -> int:
    """MiB that running guests may take."""
    return sum(
        int(actual_beparams(instance.beparams, api.cluster.facts)["maxmem"])
        for instance in instances
        if api.nodes.seems_running(instance)
    )


def _resources(facts: NodeFacts | None, used: int) -> dict[str, Any]:
    names = ("dtotal", "dfree", "mtotal", "mnode", "mfree", "ctotal", "cnos", "cnodes", "csockets")
    if facts is None:
        return {**dict.fromkeys(names), "sptotal": None, "spfree": None}
    return {
        "dtotal": facts.disk_total,
        "dfree": facts.disk_free,
        "sptotal": None,
        "spfree": None,
        "mtotal": facts.memory_total,
        "mnode": facts.memory_node,
        "mfree": max(0, min(facts.memory_free, facts.memory_total - used)),
        "ctotal": facts.cpus,
        "cnos": 1,
        "cnodes": 1,
        "csockets": 1,
    }


async def _nodes(api: Api, call: Call) -> Any:
    members = [api.cluster.members[name] for name in sorted(api.cluster.members)]
    if not call.flag("bulk"):
        return [{"id": member.name, "uri": f"/2/nodes/{member.name}"} for member in members]
    return [await _node(api, member) for member in members]


def _member(api: Api, call: Call) -> Member:
    member = api.cluster.members.get(call.items[0])
    if member is None:
        raise Fault(404)
    return member


async def _show_node(api: Api, call: Call) -> Any:
    return await _node(api, _member(api, call))


def _role(api: Api, call: Call) -> Any:
    return role_of(_member(api, call), api.cluster.master)


def _group(api: Api, group: Group) -> dict[str, Any]:
    names = [member.name for member in api.cluster.members_of(group.name)]
    templates = sorted(api.nodes.own.abilities.templates)
    return {
        "name": group.name,
        "alloc_policy": group.alloc_policy,
        "node_cnt": len(names),
        "node_list": names,
        "ipolicy": {**IPOLICY, "disk-templates": templates, **group.ipolicy},
        "custom_ipolicy": group.ipolicy,
        "diskparams": group.diskparams,
        "custom_diskparams": group.diskparams,
        "ndparams": group.ndparams,
        "custom_ndparams": group.ndparams,
        "ctime": group.ctime,
        "mtime": group.mtime,
        "uuid": group.uuid,
        "serial_no": group.serial_no,
        "tags": list(group.tags),
    }


def _groups(api: Api, call: Call) -> Any:
    groups = [api.cluster.groups[name] for name in sorted(api.cluster.groups)]
    if call.flag("bulk"):
        return [_group(api, group) for group in groups]
    return [{"name": group.name, "uri": f"/2/groups/{group.name}"} for group in groups]


def _show_group(api: Api, call: Call) -> Any:
    group = api.cluster.groups.get(call.items[0])
    if group is None:
        raise Fault(404)
    return _group(api, group)


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
    "/2/nodes": {"GET": Verb(_nodes, OPEN)},
    "/2/nodes/{name}": {"GET": Verb(_show_node, OPEN)},
    "/2/nodes/{name}/role": {"GET": reads(_role)},
    "/2/groups": {"GET": reads(_groups)},
    "/2/groups/{name}": {"GET": reads(_show_group)},
    "/2/tags": _tags_verbs("cluster"),
    "/2/instances/{name}/tags": _tags_verbs("instance"),
    "/2/networks/{name}/tags": _tags_verbs("network"),
    "/2/nodes/{name}/tags": _tags_verbs("node"),
    "/2/groups/{name}/tags": _tags_verbs("nodegroup"),
}
