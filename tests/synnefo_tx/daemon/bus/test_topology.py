"""Names and patterns of queues."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.daemon.bus.topology import dead_letter_queue, matches, standard_queues

words = st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=6).map(".".join)
patterns = st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=5).map(".".join)


def slow_match(pattern: list[str], words: list[str]) -> bool:
    """The rule word for word, as a reader would check it."""
    if not pattern:
        return not words
    if pattern[0] == "#":
        return slow_match(pattern[1:], words) or (bool(words) and slow_match(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and slow_match(pattern[1:], words[1:])


class MatchesTests(SynchronousTestCase):
    """Which keys a pattern takes."""

    @given(patterns, words)
    def test_as_the_rule_says(self, pattern: str, key: str) -> None:
        """The table gives what the recursive rule gives."""
        self.assertEqual(matches(pattern, key), slow_match(pattern.split("."), key.split(".")))

    def test_literal_key(self) -> None:
        """A key takes itself and no other."""
        self.assertTrue(matches("ganeti.snf.event.op", "ganeti.snf.event.op"))
        self.assertFalse(matches("ganeti.snf.event.op", "ganeti.snf.event.ops"))

    def test_many_hashes_are_cheap(self) -> None:
        """A pattern made to explode a naive matcher does not."""
        self.assertFalse(matches(".".join(["#", "a"] * 40), ".".join(["a"] * 30 + ["b"] * 30)))


class StandardQueuesTests(SynchronousTestCase):
    """The queues of a cloud."""

    def test_each_event_has_one_queue(self) -> None:
        """Each kind of event that a cluster publishes is taken by one queue."""
        keys = [f"ganeti.snf.event.{kind}" for kind in ("op", "network", "progress")]
        for key in [*keys, "ganeti.event.cluster"]:
            takers = [
                queue.name
                for queue in standard_queues("snf")
                if any(matches(pattern, key) for pattern in queue.routing_keys)
            ]
            self.assertEqual(len(takers), 1, key)

    def test_names(self) -> None:
        """Queues are named as Synnefo named them."""
        for queue in standard_queues("snf"):
            self.assertTrue(re.fullmatch(r"snf-events-[a-z]+", queue.name))
        self.assertEqual(dead_letter_queue("snf-events-op"), "snf-events-op-dl")
