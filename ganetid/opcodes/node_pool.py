"""
How many master candidates a cluster has, and which nodes are promoted: pure decisions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from ganetid.cluster.model import ClusterFacts, Member

POOL_SIZE = 10  # Ganeti's MASTER_POOL_SIZE_DEFAULT


def pool_size(facts: ClusterFacts) -> int:
    """How many candidates are wanted at most."""
    return int(facts.params.get("candidate_pool_size") or POOL_SIZE)


def candidates_wanted(facts: ClusterFacts, members: Collection[Any]) -> int:
    """How many candidates there should be among so many nodes."""
    return min(pool_size(facts), len(members))


def may_be_candidate(member: Member) -> bool:
    """Whether it may be promoted."""
    return member.master_capable and not member.offline and not member.drained


def promotable(facts: ClusterFacts, members: Iterable[Member]) -> list[Member]:
    """The nodes to promote so that the pool is full again, by name."""
    able = [each for each in members if may_be_candidate(each)]
    have = sum(each.master_candidate for each in able)
    missing = min(pool_size(facts), len(able)) - have
    waiting = sorted((each for each in able if not each.master_candidate), key=lambda m: m.name)
    return waiting[: max(0, missing)]
