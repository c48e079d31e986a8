"""
What would be: answers of the allocator that change nothing, as JSON values for an API.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.node.registry import Nodes
from ganetid.placement.allocator import NoPlace, capacity, evacuate, place, survives
from ganetid.placement.balance import balanced, score
from ganetid.placement.choice import group_of, wished_load
from ganetid.placement.rooms import rooms_of

MOST_COUNTED = 10_000


def where(given: Mapping[str, Any], cluster: Configuration, nodes: Nodes) -> dict[str, Any]:
    """
    ``{node, survives_failure, reasons}`` for an instance; node null: why not, by node.

    given: parameters of OP_INSTANCE_CREATE.  Raises OpPrereqError for a group that is not there.
    """
    group = group_of(given["group_name"], cluster)
    try:
        found = place(wished_load(given, cluster), rooms_of(cluster, nodes), group)
    except NoPlace as error:
        return {"node": None, "survives_failure": None, "reasons": error.reasons}
    return {"node": found.node, "survives_failure": found.survives, "reasons": {}}


def how_many(given: Mapping[str, Any], cluster: Configuration, nodes: Nodes) -> dict[str, Any]:
    """``{count, by_node}`` of equal instances that fit; counted up to 10,000."""
    chosen = capacity(wished_load(given, cluster), rooms_of(cluster, nodes), MOST_COUNTED)
    return {"count": len(chosen), "by_node": dict(sorted(Counter(chosen).items()))}


def if_evacuated(node: str, cluster: Configuration, nodes: Nodes) -> dict[str, Any]:
    """``{places, failed}``: where a node's instances would go, and why others have no place."""
    places, failed = evacuate(node, rooms_of(cluster, nodes))
    return {"places": places, "failed": failed}


def better(cluster: Configuration, nodes: Nodes, most: int = 50) -> dict[str, Any]:
    """``{score, survives_failure, moves}``: moves that would even the nodes' loads out."""
    rooms = rooms_of(cluster, nodes)
    moves = [
        {
            "instance": step.instance,
            "from": step.source,
            "to": step.target,
            "score": round(step.score, 6),
        }
        for step in balanced(rooms, most)
    ]
    groups = {room.group for room in rooms}
    safe = {group: survives([each for each in rooms if each.group == group]) for group in groups}
    return {"score": round(score(rooms), 6), "survives_failure": safe, "moves": moves}
