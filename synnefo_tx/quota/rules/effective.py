"""
What a user may use in a project, from the two limits that hold for it.  Pure.
"""

from __future__ import annotations

from synnefo_tx.quota.model import NO_LIMIT, Holding


def effective_limit(member: Holding, project: Holding) -> int:
    """
    The user's own limit, or what the others of the project leave, if that is less.

    Source: Synnefo's min(limit, project_limit - (project_usage - usage)).
    """
    limits = []
    if member.limit >= 0:
        limits.append(member.limit)
    if project.limit >= 0:
        limits.append(max(0, project.limit - (project.used - member.used)))
    return min(limits, default=NO_LIMIT)


def effective(member: Holding, project: Holding) -> Holding:
    """
    What the user uses, under the limit that really holds.
    """
    return Holding(effective_limit(member, project), member.used, member.pending)
