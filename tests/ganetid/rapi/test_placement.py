"""
Where something would go, how much more fits, and what should move.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.placement.allocator import Load, Room
from ganetid.placement.balance import balanced, score
from tests.ganetid.cluster import Client, ClusterTestCase, create_body

loads = st.lists(st.tuples(st.integers(64, 4096), st.integers(1, 4)), max_size=8)


def room(name: str, given: list[tuple[int, int]], takes: bool = True) -> Room:
    carried = tuple(
        Load(f"{name}-{number}", memory, vcpus) for number, (memory, vcpus) in enumerate(given)
    )
    return Room(name, "default", 16384, 8, 1000, takes=takes, carries=carried)


class BalanceTests(SynchronousTestCase):
    """Plans of moves."""

    def test_one_full_one_empty(self) -> None:
        """Half of what a node carries goes to the one that carries nothing."""
        steps, after = balanced([room("a", [(1024, 1)] * 6), room("b", [])])
        self.assertEqual(len(steps), 3)
        self.assertTrue(all((step.source, step.target) == ("a", "b") for step in steps))
        self.assertLess(after, score([room("a", [(1024, 1)] * 6), room("b", [])]))

    def test_nothing_to_a_closed_node(self) -> None:
        """A node that takes nothing gets nothing."""
        steps, _ = balanced([room("a", [(1024, 1)] * 6), room("b", [], takes=False)])
        self.assertEqual(steps, ())

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.tuples(loads, loads, loads))
    def test_never_worse(self, carried: tuple[list[tuple[int, int]], ...]) -> None:
        """No plan makes a cluster less even, or a node over-full that was not."""
        rooms = [room(name, some) for name, some in zip("abc", carried, strict=True)]
        steps, after = balanced(rooms)
        self.assertLessEqual(after, score(rooms))
        left = {each.name: each for each in rooms}
        for step in steps:
            load = next(e for e in left[step.source].carries if e.name == step.instance)
            left[step.source] = left[step.source].without(load.name)
            left[step.target] = left[step.target].having(load)
            self.assertGreaterEqual(left[step.target].memory_left_mib, 0)


class PlacementTests(ClusterTestCase):
    """The real remote API, on one node."""

    def run_test(self, test: Any) -> Deferred[None]:
        async def run() -> None:
            await test(await self.start())

        return Deferred.fromCoroutine(run())

    def test_questions(self) -> Deferred[None]:
        """Answers come at once, and make nothing."""

        async def check(client: Client) -> None:
            status, answer = await client.call("POST", "/2/placement", create_body())
            self.assertEqual((status, answer["node"]), (200, "node1"))
            status, answer = await client.call(
                "POST", "/2/placement", create_body(group_name="absent")
            )
            self.assertEqual(status, 400)
            status, answer = await client.call("GET", "/2/capacity?memory=256&vcpus=1&disk=64")
            self.assertEqual((status, answer["memory"]), (200, 256))
            self.assertEqual(answer["nodes"], {"node1": answer["count"]})
            status, answer = await client.call("GET", "/2/balance")
            self.assertEqual((status, answer["moves"]), (200, []))
            self.assertEqual(answer["nodes"][0]["name"], "node1")
            self.assertEqual(await client.call("GET", "/2/jobs"), (200, []))

        return self.run_test(check)
