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
from tests.ganetid.cluster import create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase

FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans())


def member(name: str, candidate: bool, offline: bool, drained: bool, capable: bool) -> Member:
    return Member(
        name, name, "default", 1.0, 1.0, offline=offline, drained=drained, master_capable=capable,
        master_candidate=candidate and capable and not offline and not drained,
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
    """What becomes of nodes over the remote API."""

    def test_roles(self) -> Deferred[None]:
        """Roles exclude one another; the master's is not changed; who is free fills the pool."""

        async def check() -> None:
            self.api = await self.three()
            self.assertIn("only via master-failover", await self.refused("node1", drained=True))
            words = await self.refused("node2", offline=True, drained=True)
            self.assertIn("more than one state", words)
            self.assertEqual(
                await self.role("node2", "drained"),
                [["master_candidate", "False"], ["drained", "True"]],
            )
            # the pool wants every node: one that comes back is a candidate at once
            self.assertEqual(
                await self.role("node2", "regular"),
                [["master_candidate", "True"], ["drained", "False"]],
            )
            await self.role("node2", "drained")
            await self.role("node2", "master-candidate")
            self.assertEqual(await self.roles(), ["master", "master-candidate", "master-candidate"])
            await self.modify("/2/modify", candidate_pool_size=2)
            await self.role("node3", "regular")
            self.assertEqual(await self.roles(), ["master", "master-candidate", "regular"])
            words = await self.refused("node2", master_candidate=False)
            self.assertIn("Not enough master candidates, please pass auto promote", words)
            await self.role("node2", "offline", "&auto-promote=1")
            self.assertEqual(await self.roles(), ["master", "offline", "master-candidate"])
            await self.role("node2", "regular")
            self.assertEqual(await self.roles(), ["master", "regular", "master-candidate"])
            await self.modify("/2/modify", candidate_pool_size=3)
            self.assertEqual(await self.roles(), ["master", "master-candidate", "master-candidate"])

        return Deferred.fromCoroutine(check())

    def test_what_a_node_can(self) -> Deferred[None]:
        """Capability flags, addresses, and the live fields of a node that is offline."""

        async def check() -> None:
            self.api = await self.three()
            job = await self.api.job("POST", "/2/instances", create_body("inst", pnode="node3"))
            self.assertEqual(job["status"], "success", job)
            self.assertIn("hosts instances", await self.refused("node3", vm_capable=False))
            await self.set("node2", vm_capable=False)
            words = await self.not_created(pnode="node2")
            self.assertIn("node2", words)
            self.assertEqual(
                await self.set("node2", master_capable=False),
                [["master_capable", "False"], ["master_candidate", "False"]],
            )
            self.assertIn(
                "is not master capable", await self.refused("node2", master_candidate=True)
            )
            self.assertEqual(
                await self.set("node2", master_capable=True),
                [["master_capable", "True"], ["master_candidate", "True"]],
            )
            await self.addresses()
            await self.offline_fields()

        return Deferred.fromCoroutine(check())

    async def addresses(self) -> None:
        """All nodes here are on one machine, and have all addresses of its loopback."""
        words = await self.refused("node2", secondary_ip="127.0.0.2")
        self.assertIn("single-homed cluster requires the --force", words)
        words = await self.refused("node1", secondary_ip="192.0.2.77", force=True)
        self.assertIn("doesn't have the secondary ip", words)
        await self.set("node1", secondary_ip="127.0.0.2", force=True)
        self.assertEqual(
            await self.set("node2", secondary_ip="127.0.0.3"), [["secondary_ip", "127.0.0.3"]]
        )
        words = await self.refused("node3", secondary_ip="127.0.0.1")
        self.assertIn("multi-homed cluster", words)
        _, shown = await self.api.call("GET", "/2/nodes?bulk=1")
        self.assertEqual([each["sip"] for each in shown], ["127.0.0.2", "127.0.0.3", "127.0.0.1"])

    async def offline_fields(self) -> None:
        live = ("mtotal", "mfree", "mnode", "dtotal", "dfree", "ctotal", "cnodes", "csockets")
        _, shown = await self.api.call("GET", "/2/nodes/node3")
        self.assertNotIn(None, [shown[name] for name in live[:5]])
        await self.role("node3", "offline")
        _, shown = await self.api.call("GET", "/2/nodes/node3")
        self.assertEqual({shown[name] for name in live}, {None})
        self.assertEqual((shown["offline"], shown["role"]), (True, "O"))
        _, instance = await self.api.call("GET", "/2/instances/inst")
        self.assertEqual((instance["status"], instance["oper_state"]), ("ERROR_nodeoffline", None))
        _, bulk = await self.api.call("GET", "/2/nodes?bulk=1")
        self.assertEqual([each["mtotal"] is None for each in bulk], [False, False, True])
        words = await self.not_created(pnode="node3")
        self.assertIn("offline", words)

    async def roles(self) -> list[str]:
        return [
            (await self.api.call("GET", f"/2/nodes/{name}/role"))[1]
            for name in ("node1", "node2", "node3")
        ]

    async def role(self, node: str, role: str, more: str = "") -> Any:
        return await self.done("PUT", f"/2/nodes/{node}/role?force=0{more}", role)

    async def set(self, node: str, **given: Any) -> Any:
        return await self.done("POST", f"/2/nodes/{node}/modify", given)

    async def modify(self, path: str, **given: Any) -> Any:
        return await self.done("PUT", path, given)

    async def done(self, method: str, path: str, given: Any) -> Any:
        """The result of a job that has to succeed."""
        job = await self.api.job(method, path, given)
        self.assertEqual(job["status"], "success", job)
        return job["opresult"][0]

    async def refused(self, node: str, **given: Any) -> str:
        """What the job that changes the node says."""
        job = await self.api.job("POST", f"/2/nodes/{node}/modify", given)
        self.assertEqual(job["status"], "error", job)
        return str(job["opresult"][0][1][0])

    async def not_created(self, **given: Any) -> str:
        job = await self.api.job("POST", "/2/instances", create_body("other", **given))
        self.assertEqual(job["status"], "error", job)
        return str(job["opresult"][0][1][0])
