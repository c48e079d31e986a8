"""
/2/groups and what is below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.cluster_defaults import (
    enabled_templates,
    group_diskparams,
    group_ndparams,
)
from ganetid.cluster.model import Group
from ganetid.cluster.policy import cluster_policy, group_policy
from ganetid.rapi.api import Api, Verb, if_dry, of_item, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.collections import listed
from ganetid.rapi.faults import Fault


def shown(api: Api, group: Group) -> dict[str, Any]:
    """The group with Ganeti's G_FIELDS."""
    facts = api.cluster.facts
    names = [member.name for member in api.cluster.members_of(group.name)]
    templates = enabled_templates(facts, api.nodes.own.abilities.templates)
    return {
        "alloc_policy": group.alloc_policy,
        "name": group.name,
        "node_cnt": len(names),
        "node_list": names,
        "ipolicy": group_policy(cluster_policy(facts.params, templates), group.ipolicy),
        "custom_ipolicy": group.ipolicy,
        "diskparams": group_diskparams(facts, group),
        "custom_diskparams": group.diskparams,
        "ndparams": group_ndparams(facts, group),
        "custom_ndparams": group.ndparams,
        "ctime": group.ctime,
        "mtime": group.mtime,
        "uuid": group.uuid,
        "serial_no": group.serial_no,
        "tags": list(group.tags),
    }


def _list(api: Api, call: Call) -> Any:
    return listed(api.cluster.groups, call, "/2/groups", "name", lambda each: shown(api, each))


def _show(api: Api, call: Call) -> Any:
    group = api.cluster.groups.get(call.items[0])
    if group is None:
        raise Fault(404)
    return shown(api, group)


NAMED = of_item("group_name")
GROUP = "/2/groups/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/groups": {"GET": reads(_list), "POST": submits("OP_GROUP_ADD", if_dry)},
    GROUP: {
        "GET": reads(_show),
        "DELETE": submits("OP_GROUP_REMOVE", NAMED, takes_body=False),
    },
    f"{GROUP}/modify": {"PUT": submits("OP_GROUP_SET_PARAMS", of_item("group_name", dry=False))},
    f"{GROUP}/rename": {"PUT": submits("OP_GROUP_RENAME", NAMED)},
    f"{GROUP}/assign-nodes": {
        "PUT": submits("OP_GROUP_ASSIGN_NODES", of_item("group_name", "force"))
    },
}
