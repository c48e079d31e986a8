"""
Whatever is asked, the answer is an answer or a refusal.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.model import FilterRule
from ganetid.jobs.filters import FilterRules, checked
from ganetid.jobs.model import Job, Op
from ganetid.query.conditions import BadFilter, UnfitFilter
from ganetid.query.evaluation import answered
from tests.ganetid.cluster import ClusterTestCase

words = st.sampled_from(
    ["&", "|", "!", "?", "=", "==", "!=", "<", ">=", "=~", "=[]", "name", "id", "mode", "jobid",
     "opcode", "reason", "watermark", "ACCEPT", "RATE_LIMIT", "[", "(a"]
)  # fmt: skip
values = st.recursive(
    st.one_of(words, st.integers(), st.none(), st.booleans(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=12,
)
ROW = {"name": "instance/a", "mode": None, "owner": ["1"], "pending": []}
JOB = Job(7, (Op({"OP_ID": "OP_X", "reason": [["a", "b", 1]], "n": None}),), received=1)


class NonsenseTests(SynchronousTestCase):
    """Filters of any shape."""

    @given(values)
    def test_conditions(self, condition: Any) -> None:
        """A condition lets rows pass or is refused; nothing else is raised."""
        try:
            answer = answered("lock", ["name", "x"], condition, [ROW])
        except (BadFilter, UnfitFilter):
            return
        self.assertIn(len(answer["data"]), (0, 1))

    @given(st.lists(values, max_size=3), values, st.lists(values, max_size=2), st.integers())
    def test_rules(self, predicates: list[Any], action: Any, trail: list[Any], at: int) -> None:
        """A rule is kept and decides, or is refused."""
        rule = FilterRule("u", 5, at, tuple(predicates), action, tuple(trail))
        book = FilterRules()
        try:
            book.put(checked(rule))
        except BadFilter:
            return
        book.ruling(JOB)


class NonsenseOverTheWireTests(ClusterTestCase):
    """What JSON can say and nobody can keep."""

    def test_refused(self) -> Deferred[None]:
        """Half characters and endless nesting are refused with 400."""

        async def check() -> None:
            client = await self.start()
            deep = "[" * 900 + "]" * 900
            cases = [
                ("POST", "/2/filters", f'{{"predicates": {deep}}}'),
                ("POST", "/2/filters", '{"reason": [["\\ud800", "x", 1]]}'),
                ("PUT", "/2/query/node", '{"fields": ["\\ud800"]}'),
                ("PUT", "/2/query/node", f'{{"fields": ["name"], "qfilter": {deep}}}'),
                ("PUT", "/2/instances/x/shutdown", '{"comment": "\\ud800"}'),
            ]
            headers = {"content-type": "application/json"}
            for method, path, body in cases:
                status, answer, _ = await client.send(method, path, body.encode(), headers)
                self.assertEqual(status, 400, (path, body[:60], answer))
            self.assertEqual(await client.call("GET", "/2/jobs"), (200, []))

        return Deferred.fromCoroutine(check())
