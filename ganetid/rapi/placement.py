"""
/2/placement, /2/capacity, /2/balance: where something would go, how much more fits, what should
move.  Nothing is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from twisted.internet.threads import deferToThread

from ganetid.cluster.cluster_defaults import enabled_templates
from ganetid.cluster.defaults import UnknownParameter, beparams_from
from ganetid.cluster.parameters import actual_beparams
from ganetid.cluster.policy import cluster_policy
from ganetid.cluster.typed import WrongType, size_mib
from ganetid.opcodes.errors import OpPrereqError
from ganetid.opcodes.groups import group_named
from ganetid.placement.allocator import Load, NoPlace, capacity, exclusion_tags, place, pressure
from ganetid.placement.balance import balanced, score
from ganetid.placement.rooms import SHARED, rooms_of
from ganetid.rapi.api import READERS, Api, Verb
from ganetid.rapi.arguments import Call, checked_type
from ganetid.rapi.faults import Fault

MOST_COUNTED = 2000


async def _place(api: Api, call: Call) -> Any:
    """body: as for /2/instances; of it name, beparams, disks, disk_template, tags, group_name."""
    body = call.mapping
    load, group = _load(api, body), body.get("group_name")
    if group is not None:
        try:
            group = group_named(api.cluster, str(group)).name
        except OpPrereqError as error:
            raise Fault(400, str(error.args[0])) from None
    try:
        found = place(load, rooms_of(api.cluster, api.nodes), group)
    except NoPlace as error:
        return {"node": None, "survives": None, "reasons": error.reasons}
    return {"node": found.node, "survives": found.survives, "reasons": {}}


async def _capacity(api: Api, call: Call) -> Any:
    """
    How many equal instances fit: of the policy's standard size, or of memory, vcpus, disk (MiB)
    and template as they are given.
    """
    templates = enabled_templates(api.cluster.facts, api.nodes.own.abilities.templates)
    standard = cluster_policy(api.cluster.facts.params, templates)["std"]
    disk = call.number("disk", standard["disk-size"])
    template = call.word("template") or templates[0]
    load = Load(
        name="capacity",
        memory_mib=call.number("memory", standard["memory-size"]),
        vcpus=call.number("vcpus", standard["cpu-count"]),
        local_disk_mib=0 if template in SHARED else disk,
        movable=template in SHARED,
    )
    rooms = rooms_of(api.cluster, api.nodes)
    chosen = await deferToThread(capacity, load, rooms, MOST_COUNTED)
    return {
        "count": len(chosen),
        "is_all": len(chosen) < MOST_COUNTED,
        "nodes": dict(sorted(Counter(chosen).items())),
        "memory": load.memory_mib,
        "vcpus": load.vcpus,
        "disk": disk,
        "template": template,
    }


async def _balance(api: Api, call: Call) -> Any:
    """How even the cluster is, and which moves would make it more so."""
    rooms = rooms_of(api.cluster, api.nodes)
    steps, after = await deferToThread(balanced, rooms)
    return {
        "score": score(rooms),
        "score_after": after,
        "nodes": [
            {
                "name": room.name,
                "group": room.group,
                "pressure": pressure(room),
                "memory_left": room.memory_left_mib,
                "vcpus": room.vcpus,
                "instances": len(room.carries),
            }
            for room in rooms
        ],
        "moves": [
            {"instance": step.instance, "from": step.source, "to": step.target} for step in steps
        ],
    }


def _load(api: Api, body: Mapping[str, Any]) -> Load:
    """What such an instance takes.  Raises Fault 400."""
    name = body.get("instance_name", body.get("name", "new"))
    given = checked_type(body.get("beparams", {}), dict, "'beparams' parameter")
    disks = checked_type(body.get("disks", []), list, "'disks' parameter")
    try:
        beparams = actual_beparams(beparams_from(given), api.cluster.facts)
        size = sum(size_mib(checked_type(disk, dict, "A disk").get("size")) for disk in disks)
    except (UnknownParameter, WrongType, ValueError) as error:
        raise Fault(400, str(error)) from None
    shared = body.get("disk_template", "ext") in SHARED
    tags = [str(tag) for tag in checked_type(body.get("tags", []), list, "'tags' parameter")]
    return Load(
        name=str(name),
        memory_mib=int(beparams["maxmem"]),
        vcpus=int(beparams["vcpus"]),
        local_disk_mib=0 if shared else size,
        tags=exclusion_tags(tags, api.cluster.facts.tags),
        movable=shared,
    )


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/placement": {"POST": Verb(_place, READERS)},
    "/2/capacity": {"GET": Verb(_capacity, READERS)},
    "/2/balance": {"GET": Verb(_balance, READERS)},
}
