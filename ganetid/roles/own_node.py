"""
What a master begins with: the cluster as the journal has it, its own entry, its own guests.
"""

from __future__ import annotations

import msgspec
from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ADMIN_UP, Change, Instance, PutFacts, PutMember
from ganetid.hypervisor.interface import Ended
from ganetid.jobs.journal import Beginning
from ganetid.jobs.model import RUNNING
from ganetid.node.machine import Node
from ganetid.node.registry import Nodes
from ganetid.roles.node import NodeHalf


def load(cluster: Configuration, beginning: Beginning) -> None:
    """Take over what was durable, and what interrupted jobs were making."""
    cluster.load(beginning.snapshot)
    for instance in being_made(beginning):
        node = instance.primary_node or cluster.node_name
        cluster.claim(evolve(instance, primary_node=node))


def own_changes(half: NodeHalf, cluster: Configuration, now: float) -> tuple[Change, ...]:
    """This node's entry, as it is reached now; and who is master."""
    if not half.has_rpc:
        return ()
    member, address = cluster.members[cluster.node_name], half.address
    assert address is not None
    has_one_network = member.secondary_ip == member.primary_ip
    current = evolve(
        member,
        address=address,
        fingerprint=half.identity.fingerprint,
        primary_ip=address[0],
        secondary_ip=address[0] if has_one_network else member.secondary_ip,
    )
    changes: list[Change] = []
    if current != member:
        changes.append(PutMember(evolve(current, mtime=now)))
    view, facts = half.membership.view, cluster.facts
    if view is not None and (facts.master, facts.epoch) != (view.master, view.epoch):
        new = evolve(facts, master=view.master, epoch=view.epoch, mtime=now)
        changes.append(PutFacts(evolve(new, serial_no=facts.serial_no + 1)))
    return tuple(changes)


async def take_up_own(node: Node, cluster: Configuration, nodes: Nodes) -> tuple[Ended, ...]:
    """Remove guests of no instance here; what has ended meanwhile."""
    ours = cluster.on_node(node.name)
    up = tuple(each.name for each in ours if each.admin_state == ADMIN_UP)
    known = {each.name for each in ours}
    known |= {name for place, name in nodes.expected if place == node.name}
    ended = await node.recover(up, frozenset(known))
    await node.carry(tuple(cluster.networks.values()))
    return ended


def moves_under_way(beginning: Beginning) -> set[tuple[str, str]]:
    """(target, instance) of moves that were interrupted: what is there is no stray guest."""
    return {
        (str(job.made["target"]), str(job.made["moves"]))
        for job in beginning.unfinished
        if "moves" in job.made
    }


def being_made(beginning: Beginning) -> list[Instance]:
    """Instances that an interrupted job was creating; recovery decides about them."""
    return [
        msgspec.convert(job.made["instance"], Instance)
        for job in beginning.unfinished
        if "instance" in job.made and any(op.status == RUNNING for op in job.ops)
    ]
