"""
How many master candidates a cluster has and should have, and which nodes are promoted.

Source: Ganeti 3.0.2, GetMasterCandidateStats and MaintainCandidatePool.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from attrs import evolve, frozen

from ganetid.cluster.cluster_defaults import cluster_parameter
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ClusterFacts, Member, PutMember
from ganetid.opcodes.context import Context


@frozen
class Count:
    """Master candidates: now, as many as wanted and possible."""

    now: int
    wanted: int


def pool_size(facts: ClusterFacts) -> int:
    """How many candidates are wanted at most."""
    return int(cluster_parameter(facts, "candidate_pool_size"))


def may_be_candidate(member: Member) -> bool:
    """Whether it may be promoted."""
    return member.master_capable and not member.offline and not member.drained


def counted(facts: ClusterFacts, members: Collection[Member]) -> Count:
    """Candidates among these nodes."""
    able = sum(may_be_candidate(each) for each in members)
    now = sum(each.master_candidate for each in members)
    return Count(now, min(able, pool_size(facts)))


def is_wanted(cluster: Configuration, without: str | None = None) -> bool:
    """Whether one more node that can be a candidate should be one; without: its name."""
    count = counted(cluster.facts, others(cluster, without))
    return count.now < min(count.wanted + 1, pool_size(cluster.facts))


def others(cluster: Configuration, name: str | None) -> list[Member]:
    """All nodes but one."""
    return [each for each in cluster.members.values() if each.name != name]


def promotable(facts: ClusterFacts, members: Iterable[Member]) -> list[Member]:
    """The nodes to promote so that the pool is full again, by name."""
    known = list(members)
    count = counted(facts, known)
    able = [each for each in known if may_be_candidate(each) and not each.master_candidate]
    return sorted(able, key=lambda each: each.name)[: max(0, count.wanted - count.now)]


def promotions(
    context: Context, members: Collection[Member], facts: ClusterFacts | None = None
) -> tuple[PutMember, ...]:
    """
    Changes that fill the pool again from these nodes; the job's log says which.

    facts: the cluster's own, where they are about to change.
    """
    facts = facts or context.cluster.facts
    chosen = promotable(facts, members)
    if chosen:
        names = ", ".join(each.name for each in chosen)
        context.log(f"Promoted nodes to master candidate role: {names}")
    count = counted(facts, members)
    if count.now > count.wanted:
        context.log(
            f"Note: more nodes are candidates ({count.now}) than the desired value ({count.wanted})"
        )
    return tuple(
        PutMember(
            evolve(each, master_candidate=True, mtime=context.now(), serial_no=each.serial_no + 1)
        )
        for each in chosen
    )
