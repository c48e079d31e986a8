"""
The watcher: when it starts what, when it leaves things alone, and whom it fences.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from ganetid.node.watcher import FORGET_AFTER_S, MAX_TRIES, Sight, Tries, planned
from tests.ganetid.cluster import create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase, until

DOWN = Sight("i", is_running=False, node_answers=True)


class PlanTests(SynchronousTestCase):
    """planned."""

    @given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=30))
    def test_never_too_often(self, turns: list[tuple[bool, bool, bool]]) -> None:
        """At most so many starts in a row, and only of what is down, free, and reachable."""
        tries: dict[str, Tries] = {}
        in_a_row = 0
        for now, (runs, answers, busy) in enumerate(turns):
            chosen, tries = planned((Sight("i", runs, answers, busy),), tries, float(now))
            in_a_row = 0 if runs else in_a_row + len(chosen)
            self.assertLessEqual(in_a_row, MAX_TRIES)
            self.assertFalse(chosen and (runs or busy or not answers))

    def test_tries_are_forgotten(self) -> None:
        tries = {"i": Tries(MAX_TRIES, 0.0)}
        self.assertEqual(planned((DOWN,), tries, FORGET_AFTER_S)[0], ())
        self.assertEqual(planned((DOWN,), tries, FORGET_AFTER_S + 1)[0], ("i",))


class WatcherTests(ManyTestCase):
    """In a cluster."""

    def test_starts_again(self) -> Deferred[None]:
        """A guest that died is started, unless the watcher pauses."""

        async def check() -> None:
            await self.start("node1", watcher_interval_s=0.2)
            client = self.client("node1")
            await client.job("POST", "/2/instances", create_body("inst"))
            await self.admin("node1", "watcher", "pause", "1h")
            self.hypervisors["node1"].power_off("inst", by_guest=False)
            await deferLater(reactor, 0.6)
            self.assertEqual(self.worlds["node1"], {})
            await self.admin("node1", "watcher", "continue")
            await until(lambda: "inst" in self.worlds["node1"], "it is started")

        return Deferred.fromCoroutine(check())

    def test_fences(self) -> Deferred[None]:
        """A node that is away is fenced; only then its guests start elsewhere."""

        async def check() -> None:
            fence = self.directory / "fence"
            fence.write_text(f"#!/bin/sh\ntest -e {self.directory}/may && echo $1 > $0.did\n")
            fence.chmod(0o700)
            await self.start(
                "node1", watcher_interval_s=0.2, fence_program=str(fence), fence_after_s=0.5
            )
            await self.join("node1", "node2")
            client = self.client("node1")
            await client.job("POST", "/2/instances", create_body("inst", pnode="node2"))
            await self.stop("node2")
            await deferLater(reactor, 1.5)
            self.assertEqual(self.worlds["node1"], {})
            _, shown = await client.call("GET", "/2/instances/inst")
            self.assertEqual((shown["status"], shown["oper_state"]), ("ERROR_nodedown", None))
            (self.directory / "may").touch()
            await until(lambda: "inst" in self.worlds["node1"], "it is started")
            self.assertEqual((self.directory / "fence.did").read_text(), "node2\n")
            _, role = await client.call("GET", "/2/nodes/node2/role")
            self.assertEqual(role, "offline")

        return Deferred.fromCoroutine(check())
