"""
The states of projects, applications and memberships.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.account.model import (
    ALIVE,
    ASSOCIATED,
    INSIDE,
    Actor,
    ApplicationState,
    MemberState,
    Policy,
    ProjectState,
    Standing,
)
from synnefo_tx.account.rules.rights import (
    CHECKS,
    Place,
    allowed_actions,
    may_see_membership,
    sees,
)
from synnefo_tx.account.rules.states import APPLICATION, FIRST, MEMBER, PROJECT, after

USERS = st.sampled_from(["u-owner", "u-member", "u-other"])
STANDINGS = st.builds(
    Standing,
    id=st.just("p"),
    state=st.sampled_from(ProjectState),
    owner_id=st.sampled_from(["u-owner", None]),
    private=st.booleans(),
    join_policy=st.sampled_from(Policy),
    leave_policy=st.sampled_from(Policy),
    max_members=st.none() | st.integers(0, 3),
    domain_id=st.sampled_from(["here", "there"]),
    is_personal=st.booleans(),
)
PLACES = st.builds(
    Place,
    project=STANDINGS,
    user_id=USERS,
    state=st.sampled_from(MemberState),
    moderates=st.booleans(),
    inside=st.integers(0, 4),
)
ACTORS = st.builds(Actor, user_id=USERS, domain_id=st.just("here"), is_admin=st.booleans())


def walk(table: Any, state: Any, actions: list[str]) -> Any:
    """The state after those of the actions that can be done."""
    for action in actions:
        new = after(table, action, state)
        state = state if new is None else new
    return state


class TransitionTests(SynchronousTestCase):
    """What leads where."""

    @given(st.lists(st.sampled_from(sorted(PROJECT))))
    def test_what_is_deleted_stays_so(self, actions: list[str]) -> None:
        """Nothing leads out of the last state."""
        self.assertIs(walk(PROJECT, ProjectState.DELETED, actions), ProjectState.DELETED)

    @given(st.lists(st.sampled_from(sorted(APPLICATION))))
    def test_an_application_is_answered_once(self, actions: list[str]) -> None:
        """One that was approved, replaced or cancelled never changes again."""
        for state in ("approved", "replaced", "cancelled", "dismissed"):
            self.assertEqual(walk(APPLICATION, ApplicationState(state), actions), state)

    @given(st.sampled_from(MemberState), st.lists(st.sampled_from(sorted(MEMBER))))
    def test_nobody_enters_but_by_the_door(self, state: MemberState, actions: list[str]) -> None:
        """Only those who are let in become members."""
        opening = {"accept", "enroll", "resume"}
        shut = [action for action in actions if action not in opening]
        if state not in INSIDE:
            self.assertNotIn(walk(MEMBER, state, shut), INSIDE)

    def test_first_states(self) -> None:
        """Who was never a member asks, or is let in."""
        self.assertEqual(FIRST, {"join": "requested", "enroll": "accepted"})

    def test_who_is_out_may_come_again(self) -> None:
        """After any end a user may ask anew."""
        for state in set(MemberState) - ASSOCIATED:
            self.assertIs(after(MEMBER, "join", state), MemberState.REQUESTED)


class RightsTests(SynchronousTestCase):
    """Who may do what."""

    @given(PLACES, ACTORS)
    def test_what_is_allowed_can_be_done(self, place: Place, actor: Actor) -> None:
        """An allowed action leads somewhere, in a project that is alive."""
        allowed = allowed_actions(place, actor)
        for action in allowed:
            self.assertIsNotNone(after(MEMBER, action, place.state))
            self.assertIn(place.project.state, ALIVE)
        self.assertTrue(set(allowed) <= set(CHECKS))

    @given(PLACES, ACTORS)
    def test_strangers_do_nothing(self, place: Place, actor: Actor) -> None:
        """Neither its user, owner nor moderator: no action, no sight."""
        own = actor.user_id in (place.user_id, place.project.owner_id)
        if not own and not actor.is_admin and not place.moderates:
            self.assertEqual(allowed_actions(place, actor), [])
            self.assertFalse(may_see_membership(place, actor))

    @given(PLACES, ACTORS)
    def test_nobody_lets_himself_in(self, place: Place, actor: Actor) -> None:
        """A requester who is neither owner nor moderator may only withdraw."""
        plain = actor.user_id == place.user_id and not actor.is_admin and not place.moderates
        if plain and place.project.owner_id != actor.user_id:
            self.assertTrue(set(allowed_actions(place, actor)) <= {"cancel", "leave"})

    @given(PLACES, ACTORS)
    def test_a_full_project_takes_nobody(self, place: Place, actor: Actor) -> None:
        """Nobody, administrators included, lets one in above the limit."""
        most = place.project.max_members
        if most is not None and place.inside >= most:
            self.assertNotIn("accept", allowed_actions(place, actor))

    @given(STANDINGS, ACTORS)
    def test_strangers_see_public_projects_of_their_domain(
        self, project: Standing, actor: Actor
    ) -> None:
        """And nothing else."""
        if actor.is_admin or project.owner_id == actor.user_id:
            self.assertTrue(sees(project, actor, None))
        else:
            public = project.state is ProjectState.ACTIVE and not project.private
            self.assertEqual(sees(project, actor, None), public and project.domain_id == "here")
