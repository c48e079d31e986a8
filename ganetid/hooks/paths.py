"""
Which opcode has which hooks, what they are told besides the object, and where they run: data.

Source: Ganeti 3.0.2, HPATH and BuildHooksEnv of its logical units.  OP_TAGS_* have no hooks.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

INSTANCE = "INSTANCE"
NODE = "NODE"
CLUSTER = "CLUSTER"
GROUP = "GROUP"
NETWORK = "NETWORK"

#: where hooks run
MASTER = "the master"
OBJECT = "the master, and the instance's or the named node"
TARGET = "these, and the node that it goes to"
GOAL = "the master, and the node that it goes to: where it was may be dead"
MEMBERS = "the master, and the nodes of the group"
CONNECTED = "the master, and the nodes of groups that carry the network"
OTHERS = "all nodes but the named one"
EVERYWHERE = "all nodes"
NOWHERE = "no node"


@frozen
class Hook:
    """
    path: of the directories.  kind: of the object.
    told: variable -> parameter of the opcode.  told_if: the same, but only when it is given.
    before, after: where.
    """

    path: str
    kind: str
    told: Mapping[str, str] = field(factory=dict)
    told_if: Mapping[str, str] = field(factory=dict)
    before: str = MASTER
    after: str = MASTER


def _same(*names: str) -> dict[str, str]:
    """Variables that are called as their parameters."""
    return {name.upper(): name for name in names}


def _instance(path: str, told: Mapping[str, str] | None = None, where: str = OBJECT) -> Hook:
    return Hook(path, INSTANCE, told or {}, before=where, after=where)


_NETWORK = {
    "NETWORK_NAME": "network_name",
    "NETWORK_SUBNET": "network",
    "NETWORK_GATEWAY": "gateway",
    "NETWORK_SUBNET6": "network6",
    "NETWORK_GATEWAY6": "gateway6",
    "NETWORK_MAC_PREFIX": "mac_prefix",
    "NETWORK_TAGS": "tags",
}
_CONNECTION = {
    "GROUP_NAME": "group_name",
    "GROUP_NETWORK_MODE": "network_mode",
    "GROUP_NETWORK_LINK": "network_link",
    "GROUP_NETWORK_VLAN": "network_vlan",
}
_ROLES = _same("master_candidate", "offline", "drained", "master_capable", "vm_capable")
_NEW_NODE = {
    "NODE_NAME": "node_name",
    "NODE_PIP": "primary_ip",
    "NODE_SIP": "secondary_ip",
    "MASTER_CAPABLE": "master_capable",
    "VM_CAPABLE": "vm_capable",
}
_FAILOVER = {**_same("ignore_consistency", "shutdown_timeout"), "FAILOVER_CLEANUP": "cleanup"}
_MIGRATION = {**_same("allow_runtime_changes"), "MIGRATE_CLEANUP": "cleanup"}
_EXPORT = {
    "EXPORT_MODE": "mode",
    "EXPORT_NODE": "target_node",
    "EXPORT_DO_SHUTDOWN": "shutdown",
    "SHUTDOWN_TIMEOUT": "shutdown_timeout",
    "REMOVE_INSTANCE": "remove_instance",
}

HOOKS: Mapping[str, Hook] = {
    "OP_INSTANCE_CREATE": _instance("instance-add", {"ADD_MODE": "mode"}),
    "OP_INSTANCE_REMOVE": Hook(
        "instance-remove", INSTANCE, _same("shutdown_timeout"), after=OBJECT
    ),
    "OP_INSTANCE_STARTUP": _instance("instance-start", _same("force")),
    "OP_INSTANCE_SHUTDOWN": _instance("instance-stop", _same("timeout")),
    "OP_INSTANCE_REBOOT": _instance(
        "instance-reboot", _same("ignore_secondaries", "reboot_type", "shutdown_timeout")
    ),
    "OP_INSTANCE_SET_PARAMS": Hook(
        "instance-modify",
        INSTANCE,
        told_if={"NEW_DISK_TEMPLATE": "disk_template", "RUNTIME_MEMORY": "runtime_mem"},
        before=OBJECT,
        after=OBJECT,
    ),
    "OP_INSTANCE_RENAME": _instance("instance-rename", {"INSTANCE_NEW_NAME": "new_name"}),
    "OP_INSTANCE_REINSTALL": _instance("instance-reinstall"),
    "OP_INSTANCE_FAILOVER": Hook(
        "instance-failover", INSTANCE, _FAILOVER, before=GOAL, after=TARGET
    ),
    "OP_INSTANCE_MIGRATE": _instance("instance-migrate", _MIGRATION, TARGET),
    "OP_INSTANCE_MOVE": _instance(
        "instance-move", _same("target_node", "shutdown_timeout"), TARGET
    ),
    "OP_INSTANCE_CHANGE_GROUP": Hook("instance-change-group", INSTANCE, _same("target_groups")),
    "OP_INSTANCE_RECREATE_DISKS": _instance("instance-recreate-disks"),
    "OP_INSTANCE_GROW_DISK": _instance("disk-grow", _same("disk", "amount", "absolute")),
    "OP_INSTANCE_REPLACE_DISKS": _instance(
        "mirrors-replace", {"MODE": "mode", "NEW_SECONDARY": "remote_node"}
    ),
    "OP_BACKUP_EXPORT": _instance("instance-export", _EXPORT, TARGET),
    "OP_NODE_ADD": Hook("node-add", NODE, _NEW_NODE, before=OTHERS, after=OTHERS),
    "OP_NODE_SET_PARAMS": Hook("node-modify", NODE, _ROLES, before=OBJECT, after=OBJECT),
    "OP_NODE_REMOVE": Hook(
        "node-remove", NODE, {"NODE_NAME": "node_name"}, before=OTHERS, after=OTHERS
    ),
    "OP_NODE_MIGRATE": Hook(
        "node-migrate", NODE, {"NODE_NAME": "node_name", **_same("allow_runtime_changes")}
    ),
    "OP_GROUP_ADD": Hook("group-add", GROUP, _same("group_name")),
    "OP_GROUP_REMOVE": Hook("group-remove", GROUP, _same("group_name")),
    "OP_GROUP_SET_PARAMS": Hook(
        "group-modify", GROUP, {**_same("group_name"), "NEW_ALLOC_POLICY": "alloc_policy"}
    ),
    "OP_GROUP_RENAME": Hook(
        "group-rename",
        GROUP,
        {"OLD_NAME": "group_name", "NEW_NAME": "new_name"},
        before=MEMBERS,
        after=MEMBERS,
    ),
    "OP_GROUP_EVACUATE": Hook(
        "group-evacuate",
        GROUP,
        _same("group_name", "target_groups"),
        before=MEMBERS,
        after=MEMBERS,
    ),
    "OP_NETWORK_ADD": Hook("network-add", NETWORK, told_if=_NETWORK),
    "OP_NETWORK_REMOVE": Hook("network-remove", NETWORK, _same("network_name")),
    "OP_NETWORK_SET_PARAMS": Hook("network-modify", NETWORK, told_if=_NETWORK),
    "OP_NETWORK_RENAME": Hook(
        "network-rename",
        NETWORK,
        {"OLD_NAME": "network_name", "NEW_NAME": "new_name"},
        before=CONNECTED,
        after=CONNECTED,
    ),
    "OP_NETWORK_CONNECT": Hook(
        "network-connect", NETWORK, _CONNECTION, before=MEMBERS, after=MEMBERS
    ),
    "OP_NETWORK_DISCONNECT": Hook(
        "network-disconnect", NETWORK, _same("group_name"), before=MEMBERS, after=MEMBERS
    ),
    "OP_CLUSTER_POST_INIT": Hook("cluster-init", CLUSTER, before=NOWHERE),
    "OP_CLUSTER_DESTROY": Hook("cluster-destroy", CLUSTER, before=NOWHERE),
    "OP_CLUSTER_SET_PARAMS": Hook("cluster-modify", CLUSTER, {"NEW_VG_NAME": "vg_name"}),
    "OP_CLUSTER_RENAME": Hook("cluster-rename", CLUSTER, {"NEW_NAME": "name"}, after=EVERYWHERE),
    "OP_CLUSTER_VERIFY_GROUP": Hook("cluster-verify", CLUSTER, before=NOWHERE, after=MEMBERS),
}
