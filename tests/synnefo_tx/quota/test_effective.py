"""
The limit that really holds for a user.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.model import NO_LIMIT, Holding
from synnefo_tx.quota.rules.effective import effective_limit

LIMITS = st.integers(-1, 50)


class EffectiveTests(SynchronousTestCase):
    def test_the_lesser_of_both(self) -> None:
        """The user's own limit, or what others leave of the project's."""
        for member, project, limit in (
            (Holding(5, 2), Holding(100, 40), 5),
            (Holding(50, 2), Holding(40, 12), 30),
            (Holding(NO_LIMIT, 2), Holding(40, 12), 30),
            (Holding(5, 2), Holding(NO_LIMIT, 12), 5),
            (Holding(NO_LIMIT, 2), Holding(NO_LIMIT, 12), NO_LIMIT),
            (Holding(NO_LIMIT, 2), Holding(10, 40), 0),
        ):
            self.assertEqual(effective_limit(member, project), limit)

    @given(LIMITS, LIMITS, st.integers(0, 60), st.integers(0, 60), st.integers(1, 20))
    def test_it_allows_what_both_allow(
        self, own: int, whole: int, used: int, others: int, amount: int
    ) -> None:
        """One number says of every amount what the two holdings say."""
        member, project = Holding(own, used), Holding(whole, used + others)
        both = member.has_room(amount) and project.has_room(amount)
        one = Holding(effective_limit(member, project), used)
        self.assertEqual(one.has_room(amount), both)
