"""
The states of projects, applications and memberships, and what leads from one to another.  Pure.

Source: Synnefo 0.21, astakos/im/models.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from synnefo_tx.account.model import ApplicationState as A
from synnefo_tx.account.model import MemberState as M
from synnefo_tx.account.model import ProjectState as P

S = TypeVar("S")

PROJECT: Mapping[str, Mapping[P, P]] = {
    # An approved modification wakes up a project that was put to rest.
    "approve": dict.fromkeys((P.UNINITIALIZED, P.ACTIVE, P.SUSPENDED, P.TERMINATED), P.ACTIVE),
    "suspend": {P.ACTIVE: P.SUSPENDED},
    "unsuspend": {P.SUSPENDED: P.ACTIVE},
    "terminate": dict.fromkeys((P.ACTIVE, P.SUSPENDED), P.TERMINATED),
    "reinstate": {P.TERMINATED: P.ACTIVE},
    "delete": dict.fromkeys((P.UNINITIALIZED, P.ACTIVE, P.SUSPENDED, P.TERMINATED), P.DELETED),
}
APPLICATION: Mapping[str, Mapping[A, A]] = {
    "approve": {A.PENDING: A.APPROVED},
    "replace": {A.PENDING: A.REPLACED},
    "deny": {A.PENDING: A.DENIED},
    "cancel": {A.PENDING: A.CANCELLED},
    "dismiss": {A.DENIED: A.DISMISSED},
}
_OUTSIDE = (M.REJECTED, M.CANCELLED, M.REMOVED)
MEMBER: Mapping[str, Mapping[M, M]] = {
    "join": dict.fromkeys(_OUTSIDE, M.REQUESTED),
    "enroll": dict.fromkeys((M.REQUESTED, *_OUTSIDE), M.ACCEPTED),
    "accept": {M.REQUESTED: M.ACCEPTED},
    "reject": {M.REQUESTED: M.REJECTED},
    "cancel": {M.REQUESTED: M.CANCELLED},
    "leave": {M.ACCEPTED: M.LEAVE_REQUESTED},
    "remove": dict.fromkeys((M.ACCEPTED, M.LEAVE_REQUESTED, M.SUSPENDED), M.REMOVED),
    "suspend": dict.fromkeys((M.ACCEPTED, M.LEAVE_REQUESTED), M.SUSPENDED),
    "resume": {M.SUSPENDED: M.ACCEPTED},
}
FIRST = {"join": M.REQUESTED, "enroll": M.ACCEPTED}  # of somebody who was never a member


def after(table: Mapping[str, Mapping[S, S]], action: str, state: S) -> S | None:
    """
    The state to which the action leads; None: it can't be done in this state.
    """
    return table[action].get(state)
