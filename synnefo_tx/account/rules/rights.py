"""
Who may do what to a project and to its memberships, and when.  Pure: each rule raises the reason
why not.

Source: Synnefo 0.21, astakos/im/functions.py.  Moderators, who let members in and out for the
owner, are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from synnefo_tx.account.errors import (
    AlreadyMember,
    Closed,
    Full,
    NotAlive,
    NotAllowed,
    NotAMember,
    NotARequest,
)
from synnefo_tx.account.model import (
    ALIVE,
    ASSOCIATED,
    INSIDE,
    Actor,
    MemberState,
    Policy,
    ProjectState,
    Standing,
)
from synnefo_tx.account.rules.states import MEMBER, after
from synnefo_tx.errors import DomainError


@frozen
class Place:
    """
    A membership, and the actor's own part in the project.  inside: how many members there are.
    """

    project: Standing
    user_id: str
    state: MemberState
    moderates: bool
    inside: int


def owns(project: Standing, actor: Actor) -> bool:
    """
    Whether the project is the actor's; an administrator's is every one.
    """
    return actor.is_admin or (project.owner_id is not None and project.owner_id == actor.user_id)


def sees(project: Standing, actor: Actor, own_state: MemberState | None) -> bool:
    """
    Whether the actor may know of the project.  own_state: of the actor's own membership.
    """
    if owns(project, actor) or own_state in ASSOCIATED:
        return True
    public = project.state is ProjectState.ACTIVE and not project.private
    return public and project.domain_id == actor.domain_id


def check_join(project: Standing) -> None:
    """
    Whether anybody may ask to join.
    """
    _check_alive(project)
    if project.join_policy is Policy.CLOSED:
        raise Closed("join")


def check_room(project: Standing, inside: int) -> None:
    """
    Whether one more member may be.
    """
    if not has_room(project, inside):
        raise Full


def has_room(project: Standing, inside: int) -> bool:
    """
    The same, as an answer.
    """
    return project.max_members is None or inside < project.max_members


def check_enroll(project: Standing, actor: Actor, moderates: bool, inside: int) -> None:
    """
    Whether the actor may let somebody in.
    """
    _check_lets(project, actor, moderates)
    check_join(project)
    check_room(project, inside)


def check_appoint(place: Place, actor: Actor) -> None:
    """
    Whether the actor may make a member a moderator, or end that.
    """
    if not owns(place.project, actor):
        raise NotAllowed
    if place.state not in INSIDE:
        raise NotAMember


def _check_accept(place: Place, actor: Actor) -> None:
    _check_state(place, "accept")
    check_enroll(place.project, actor, place.moderates, place.inside)


def _check_reject(place: Place, actor: Actor) -> None:
    _check_state(place, "reject")
    _check_lets(place.project, actor, place.moderates)
    _check_alive(place.project)


def _check_cancel(place: Place, actor: Actor) -> None:
    _check_state(place, "cancel")
    _check_own(place, actor)
    _check_alive(place.project)


def _check_leave(place: Place, actor: Actor) -> None:
    _check_state(place, "leave")
    _check_own(place, actor)
    _check_may_go(place.project)


def _check_remove(place: Place, actor: Actor) -> None:
    _check_state(place, "remove")
    _check_lets(place.project, actor, place.moderates)
    _check_may_go(place.project)


Check = Callable[[Place, Actor], None]
CHECKS: Mapping[str, Check] = {
    "leave": _check_leave,
    "cancel": _check_cancel,
    "accept": _check_accept,
    "reject": _check_reject,
    "remove": _check_remove,
}


def allowed_actions(place: Place, actor: Actor) -> list[str]:
    """
    What the actor may do to the membership now.
    """
    return [action for action, check in CHECKS.items() if _passes(check, place, actor)]


def may_see_membership(place: Place, actor: Actor) -> bool:
    """
    Its user, and who lets people in and out.
    """
    return place.user_id == actor.user_id or place.moderates or owns(place.project, actor)


def check_associable(state: MemberState | None, action: str) -> None:
    """
    Whether somebody of this state may "join" or be "enroll"ed.
    """
    if state is not None and after(MEMBER, action, state) is None:
        raise AlreadyMember


def _passes(check: Check, place: Place, actor: Actor) -> bool:
    try:
        check(place, actor)
    except DomainError:
        return False
    return True


def _check_state(place: Place, action: str) -> None:
    if after(MEMBER, action, place.state) is None:
        raise NotAMember if action in ("leave", "remove") else NotARequest


def _check_lets(project: Standing, actor: Actor, moderates: bool) -> None:
    if not moderates and not owns(project, actor):
        raise NotAllowed


def _check_own(place: Place, actor: Actor) -> None:
    if place.user_id != actor.user_id and not actor.is_admin:
        raise NotAllowed


def _check_alive(project: Standing) -> None:
    if project.state not in ALIVE:
        raise NotAlive(project.id)


def _check_may_go(project: Standing) -> None:
    _check_alive(project)
    if project.leave_policy is Policy.CLOSED:
        raise Closed("leave")
