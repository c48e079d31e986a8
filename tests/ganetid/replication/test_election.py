"""
Who may become master: no two majorities, nobody who lacks what was acknowledged.
"""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.node.membership import Place, View
from ganetid.replication.election import (
    Vote,
    majority,
    may_be_outvoted,
    may_resume,
    reasons_against,
)


def view_of(count: int, in_sync: tuple[str, ...] = ("n0", "n1"), **fields: object) -> View:
    places = tuple(
        Place(f"n{number}", ("127.0.0.1", number), ("f",), candidate=True)
        for number in range(count)
    )
    return evolve(View("c", "n0", 1, 1, places, in_sync), **fields)


class ElectionTests(SynchronousTestCase):
    """reasons_against and may_resume."""

    def test_may(self) -> None:
        view = view_of(3)
        self.assertEqual(reasons_against("n1", view, [Vote("n2", view, False)], forced=False), [])

    def test_master_is_heard(self) -> None:
        """A node that hears the master votes for it."""
        view = view_of(3)
        reasons = reasons_against("n1", view, [Vote("n2", view, True)], forced=False)
        self.assertIn("still hear", reasons[0])

    def test_newer_view_counts(self) -> None:
        """One node that was told that the candidate is not in sync is enough."""
        old = view_of(3)
        new = view_of(3, in_sync=("n0", "n2"), version=2)
        reasons = reasons_against("n1", old, [Vote("n2", new, False)], forced=False)
        self.assertIn("lack", reasons[0])

    @given(st.integers(1, 9), st.data())
    def test_resume_and_majority_exclude_one_another(self, count: int, data: st.DataObject) -> None:
        """
        A master that was away resumes only if it hears of every successor that was elected.
        """
        view = view_of(count)
        others = [f"n{number}" for number in range(1, count)]
        chosen = data.draw(st.sets(st.sampled_from(others), max_size=count)) if others else set()
        heard = data.draw(st.sets(st.sampled_from(others), max_size=count)) if others else set()
        elected = len(chosen) >= majority(view)
        newer = evolve(view, master="n1", epoch=2)
        votes = [Vote(name, newer if elected and name in chosen else view, False) for name in heard]
        resumes, _ = may_resume("n0", view, votes)
        self.assertFalse(resumes and elected)

    @given(st.integers(1, 9), st.data())
    def test_who_was_told_has_a_say(self, count: int, data: st.DataObject) -> None:
        """Nobody is elected without one who was told, unless the master may be outvoted."""
        view = view_of(count)
        names = st.sampled_from([f"n{number}" for number in range(count)])
        told, voters = data.draw(st.sets(names)), data.draw(st.sets(names))
        is_elected = len(voters) >= majority(view)
        if is_elected and not voters & {"n0", *told}:
            self.assertTrue(may_be_outvoted("n0", view, told))

    def test_of_two(self) -> None:
        """A master of two nodes does without the other one, which can't be elected alone."""
        self.assertFalse(may_be_outvoted("n0", view_of(2), ()))
        self.assertTrue(may_be_outvoted("n0", view_of(3), ()))
        self.assertFalse(may_be_outvoted("n0", view_of(3), ("n1",)))

    def test_alone(self) -> None:
        """A cluster of one, and the master of two, need nobody."""
        self.assertTrue(may_resume("n0", view_of(1), [])[0])
        self.assertTrue(may_resume("n0", view_of(2), [])[0])
        self.assertFalse(may_resume("n0", view_of(3), [])[0])
