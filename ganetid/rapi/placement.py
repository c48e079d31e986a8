"""
/2/placement, /2/capacity, /2/balance, /2/nodes/N/evacuation: where something would go, how much
more fits, what should move.  Nothing is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from twisted.internet.threads import deferToThread

from ganetid.cluster.cluster_defaults import enabled_templates
from ganetid.cluster.defaults import UnknownParameter, beparams_from
from ganetid.cluster.policy import cluster_policy
from ganetid.opcodes.definition import filled_input
from ganetid.opcodes.errors import OpcodeError
from ganetid.placement.allocator import capacity
from ganetid.placement.balance import balanced, score
from ganetid.placement.choice import wished_load
from ganetid.placement.questions import if_evacuated, where
from ganetid.placement.rooms import rooms_of
from ganetid.rapi.api import READERS, Api, Verb, opcode_of
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault
from ganetid.rapi.instance_actions import VERSION
from ganetid.rapi.nodes import found

MOST_MOVES = 50
MOST_COUNTED = 500  # the time grows with the square


async def _place(api: Api, call: Call) -> Any:
    """body: as for /2/instances."""
    wish = _wish(api, call.mapping)
    try:
        return where(wish, api.cluster, api.nodes)
    except OpcodeError as error:
        raise Fault(400, str(error.args[0])) from None


async def _capacity(api: Api, call: Call) -> Any:
    """Of instances of the policy's standard size, or of ``memory``, ``vcpus``, ``disk`` (MiB)."""
    templates = enabled_templates(api.cluster.facts, api.nodes.own.abilities.templates)
    standard = cluster_policy(api.cluster.facts.params, templates)["std"]
    memory = call.number("memory", standard["memory-size"])
    vcpus = call.number("vcpus", standard["cpu-count"])
    disk = call.number("disk", standard["disk-size"])
    template = call.word("template") or templates[0]
    wish = {
        "instance_name": "capacity",
        "beparams": {"memory": memory, "vcpus": vcpus},
        "disks": [{"size": disk}] if disk else [],
        "disk_template": template,
    }
    load = wished_load(_wish(api, wish), api.cluster)
    chosen = await deferToThread(capacity, load, rooms_of(api.cluster, api.nodes), MOST_COUNTED)
    return {
        "count": len(chosen),
        "is_all": len(chosen) < MOST_COUNTED,
        "by_node": dict(sorted(Counter(chosen).items())),
        "memory": memory,
        "vcpus": vcpus,
        "disk": disk,
        "template": template,
    }


async def _balance(api: Api, call: Call) -> Any:
    """How uneven the cluster is, and moves that would even it out, one after the other."""
    most = max(0, min(call.number("limit", MOST_MOVES), MOST_MOVES))
    rooms = rooms_of(api.cluster, api.nodes)
    steps = await deferToThread(balanced, rooms, most)
    return {
        "score": round(score(rooms), 6),
        "moves": [
            {
                "instance": step.instance,
                "from": step.source,
                "to": step.target,
                "score": round(step.score, 6),
            }
            for step in steps
        ],
    }


async def _evacuation(api: Api, call: Call) -> Any:
    return if_evacuated(found(api, call).name, api.cluster, api.nodes)


def _wish(api: Api, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a creation, checked as for one.  Raises BadParameters, Fault 400."""
    opcode = opcode_of(api, "OP_INSTANCE_CREATE")
    spelt = {opcode.renamed.get(key, key): value for key, value in given.items() if key != VERSION}
    known = {"mode": "create", "instance_name": "new", "disks": [], "nics": []}
    wish = filled_input(opcode, {**known, **spelt})
    try:
        beparams_from(wish["beparams"])
    except UnknownParameter as error:
        raise Fault(400, str(error)) from None
    return wish


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/placement": {"POST": Verb(_place, READERS)},
    "/2/capacity": {"GET": Verb(_capacity, READERS)},
    "/2/balance": {"GET": Verb(_balance, READERS)},
    "/2/nodes/{name}/evacuation": {"GET": Verb(_evacuation, READERS)},
}
