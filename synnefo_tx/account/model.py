"""
Projects as Astakos knows them: applied for, approved, joined and left, ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from synnefo_tx.account.notices import INotifier, Silence

NO_END = 2**63 - 1  # members without a limit, as Synnefo writes it


class ProjectState(StrEnum):
    """
    uninitialized: applied for, not approved yet.
    """

    UNINITIALIZED = "uninitialized"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    DELETED = "deleted"


class ApplicationState(StrEnum):
    """
    Of an application for a new project, or for a modification of one.
    """

    PENDING = "pending"
    APPROVED = "approved"
    REPLACED = "replaced"
    DENIED = "denied"
    DISMISSED = "dismissed"
    CANCELLED = "cancelled"


class MemberState(StrEnum):
    """
    suspended: the user is disabled.
    """

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    LEAVE_REQUESTED = "leave_requested"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REMOVED = "removed"


class Policy(StrEnum):
    """
    Who may join or leave: anybody at once, anybody whom the owner lets, nobody.
    """

    AUTO = "auto"
    MODERATED = "moderated"
    CLOSED = "closed"


ALIVE = frozenset({ProjectState.ACTIVE, ProjectState.SUSPENDED})
INSIDE = frozenset({MemberState.ACCEPTED, MemberState.LEAVE_REQUESTED})  # they have the role
ASSOCIATED = INSIDE | {MemberState.REQUESTED, MemberState.SUSPENDED}


@frozen
class Actor:
    """
    Who asks.  is_admin: may do everything to all projects.
    """

    user_id: str
    domain_id: str = ""
    is_admin: bool = False


@frozen(eq=False)
class Doing:
    """
    One change: by whom, when, why.

    now_us: microseconds since the epoch.  horizon_s: how long tokens live that may have to end.
    """

    actor: Actor
    now_us: int
    horizon_s: int
    reason: str = ""
    notifier: INotifier = field(factory=Silence)

    @property
    def now(self) -> int:
        """
        Seconds since the epoch.
        """
        return self.now_us // 10**6


@frozen
class Standing:
    """
    A project as far as rights and transitions ask.
    """

    id: str
    state: ProjectState
    owner_id: str | None
    private: bool
    join_policy: Policy
    leave_policy: Policy
    max_members: int | None
    domain_id: str
    is_personal: bool


@frozen
class Asked:
    """
    What an application asks for; None: as it is.  resources: name -> (of a member, of the project).
    Times are microseconds since the epoch.
    """

    owner_id: str | None = None
    name: str | None = None
    homepage: str | None = None
    description: str | None = None
    comments: str | None = None
    start_at: int | None = None
    end_at: int | None = None
    join_policy: Policy | None = None
    leave_policy: Policy | None = None
    max_members: int | None = None
    private: bool | None = None
    resources: Mapping[str, tuple[int, int]] = field(factory=dict)
