"""
/2/nodes: what is known of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from ganetid.cluster.cluster_defaults import node_ndparams
from ganetid.cluster.model import Instance, Member
from ganetid.cluster.parameters import actual_beparams
from ganetid.node.facts import NodeFacts
from ganetid.opcodes.errors import OpcodeError
from ganetid.rapi.answers import Page
from ganetid.rapi.api import OPEN, Api, Verb, reads
from ganetid.rapi.arguments import Call
from ganetid.rapi.collections import fields_of, part_of, with_fields
from ganetid.rapi.faults import Fault

ROLE_LETTERS = {
    "master": "M",
    "master-candidate": "C",
    "regular": "R",
    "drained": "D",
    "offline": "O",
}


async def shown(api: Api, member: Member) -> dict[str, Any]:
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
        "ndparams": node_ndparams(api.cluster.facts, group, member),
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
    free = max(0, min(facts.memory_free, facts.memory_total - used))
    return {
        "dtotal": facts.disk_total,
        "dfree": facts.disk_free,
        "sptotal": None,
        "spfree": None,
        "mtotal": facts.memory_total,
        "mnode": max(0, facts.memory_total - free - used),  # what is neither free nor of guests
        "mfree": free,
        "ctotal": facts.cpus,
        "cnos": 1,
        "cnodes": 1,
        "csockets": 1,
    }


async def _list(api: Api, call: Call) -> Any:
    members = api.cluster.members
    part = part_of(members, call)
    if not call.flag("bulk"):
        rows = [{"id": name, "uri": f"/2/nodes/{name}"} for name in part.names]
        return Page(rows, part.after)
    fields = fields_of(call)
    asked = [Deferred.fromCoroutine(shown(api, members[name])) for name in part.names]
    return Page([with_fields(await each, fields) for each in asked], part.after)


def found(api: Api, call: Call) -> Member:
    """The node that the path names.  Raises Fault 404."""
    member = api.cluster.members.get(call.items[0])
    if member is None:
        raise Fault(404)
    return member


async def _show(api: Api, call: Call) -> Any:
    facts = await shown(api, found(api, call))
    return {**facts, "secondary_ip": facts["sip"]}  # of one node Ganeti has this name too


def _role(api: Api, call: Call) -> Any:
    if api.strict and call.items[0] not in api.cluster.members:
        raise Fault(500)  # Ganeti 3.0.2 breaks
    return role_of(found(api, call), api.cluster.master)


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/nodes": {"GET": Verb(_list, OPEN)},
    "/2/nodes/{name}": {"GET": Verb(_show, OPEN)},
    "/2/nodes/{name}/role": {"GET": reads(_role)},
}
