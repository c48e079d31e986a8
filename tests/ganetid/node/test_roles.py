"""
Roles of nodes: which exclude which, who may have them, and who is promoted.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.model import ClusterFacts, Member
from ganetid.opcodes.node_pool import may_be_candidate, pool_size, promotable
from tests.ganetid.node.cluster_of_three import ManyTestCase

FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans())


def member(name: str, candidate: bool, offline: bool, drained: bool, capable: bool) -> Member:
    return Member(
        name, name, "default", 1.0, 1.0, master_candidate=candidate, offline=offline,
        drained=drained, master_capable=capable,
    )  # fmt: skip


class PoolTests(SynchronousTestCase):
    """promotable."""

    @given(st.lists(FLAGS, max_size=15), st.integers(1, 12))
    def test_pool(self, flags: list[tuple[bool, bool, bool, bool]], size: int) -> None:
        """The pool is as full as it can be, and nobody is promoted who may not be."""
        facts = ClusterFacts("", "", "", 0.0, params={"candidate_pool_size": size})
        members = [member(f"n{number}", *each) for number, each in enumerate(flags)]
        chosen = promotable(facts, members)
        self.assertTrue(all(may_be_candidate(each) for each in chosen))
        self.assertFalse(any(each.master_candidate for each in chosen))
        able = [each for each in members if may_be_candidate(each)]
        have = sum(each.master_candidate for each in able)
        full = min(pool_size(facts), len(able))
        self.assertEqual(have + len(chosen), max(have, full))


class RoleTests(ManyTestCase):
    """OP_NODE_SET_PARAMS."""

    def test_roles(self) -> Deferred[None]:
        """Roles exclude one another; the master's is not changed; the result is Ganeti's."""

        async def check() -> None:
            await self.start("node1")
            await self.join("node1", "node2")
            job = await self.set("node1", drained=True)
            self.assertIn("only via master-failover", job["opresult"][0][1][0])
            job = await self.set("node2", offline=True, drained=True)
            self.assertIn("more than one state", job["opresult"][0][1][0])
            job = await self.set("node2", offline=True, force=True)
            self.assertEqual(job["opresult"], [[["master_candidate", False], ["offline", True]]])
            job = await self.set("node2", master_candidate=True)
            self.assertIn("is offline", job["opresult"][0][1][0])
            job = await self.set("node2", offline=False, auto_promote=True)
            self.assertEqual(job["opresult"], [[["offline", False]]])
            job = await self.set("node2", master_candidate=True)
            self.assertEqual(job["opresult"], [[["master_candidate", True]]])
            _, role = await self.client("node1").call("GET", "/2/nodes/node2/role")
            self.assertEqual(role, "master-candidate")

        return Deferred.fromCoroutine(check())

    async def set(self, node: str, **given: Any) -> Any:
        master = self.machines["node1"].master
        assert master is not None
        job = await master.submit("OP_NODE_SET_PARAMS", {"node_name": node, **given})
        return await self.client("node1").ended(job)
