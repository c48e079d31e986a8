"""
Regular expressions of filters, beside Python's.
"""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.query.patterns import BadPattern, searcher

atoms = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\W", "^", "$", r"\b", "1", r"\s", "[a-c1]"]
)
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda both: f"({both[0]}|{both[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,3}", "{2}", "*?"])).map(
            lambda both: f"(?:{both[0]}){both[1]}"
        ),
    ),
    max_leaves=6,
)


class PatternTests(SynchronousTestCase):
    """Whether a text holds what an expression asks for."""

    @given(patterns, st.text("abc1 _\n", max_size=8))
    def test_as_python(self, pattern: str, text: str) -> None:
        """The answer is that of re.search."""
        self.assertEqual(searcher(pattern)(text), re.search(pattern, text) is not None)

    def test_time(self) -> None:
        """What takes Python for ever takes no time."""
        for pattern in ("(a+)+$", "(a|a)*b", "(a*)*b", "a*a*a*a*a*a*c"):
            begun = time.process_time()
            self.assertFalse(searcher(pattern)("a" * 200 + "!"))
            self.assertLess(time.process_time() - begun, 2)

    def test_refused(self) -> None:
        """What can't be done in such time is refused, and so is what would take much memory."""
        for pattern in ("(a)\\1", "(?=a)", "(?i)a", "(?i:a)", "[", "(", "x" * 2000,
                        "((a{99}){99}){99}", "(" * 499 + ")" * 499):  # fmt: skip
            self.assertRaises(BadPattern, searcher, pattern)
