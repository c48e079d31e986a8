"""
What a cluster has from its first start: one group, and this daemon's node as its master.
"""

from __future__ import annotations

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change, Group, Member, PutFacts, PutGroup, PutMember

FIRST_GROUP = "default"


def missing_changes(cluster: Configuration, now: float) -> tuple[Change, ...]:
    """Changes that bring a new cluster, or one written by an older program, to that state."""
    if cluster.members:
        return ()
    facts = cluster.facts
    member = Member(
        name=cluster.node_name,
        uuid=facts.node_uuid,
        group=FIRST_GROUP,
        ctime=facts.ctime,
        mtime=now,
    )
    group = Group(FIRST_GROUP, facts.group_uuid, ctime=facts.ctime, mtime=now)
    named = evolve(facts, master=cluster.node_name, mtime=now)
    return (PutFacts(named), PutGroup(group), PutMember(member))
