"""
OP_CLUSTER_VERIFY: finds what is wrong, and nothing where nothing is.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import (
    ClusterFacts,
    Connection,
    Group,
    Instance,
    Member,
    Network,
    Nic,
    PutFacts,
    PutGroup,
    PutInstance,
    PutMember,
    PutNetwork,
)
from ganetid.opcodes.verify_config import contradictions, dangling
from ganetid.opcodes.verify_group import of_memory, of_systems
from ganetid.os.definition import OsDefinition
from ganetid.placement.allocator import Load, Room
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase


def nic(name: str, mac: str, **changes: Any) -> Nic:
    return Nic(name, name, mac, **changes)


def instance(name: str, *nics: Nic, **changes: Any) -> Instance:
    plain = Instance(
        name=name, uuid=name, os_type="x", hypervisor="fake", disk_template="diskless", disks=(),
        nics=nics, beparams={}, hvparams={}, osparams={}, admin_state="down", ctime=1.0,
        mtime=1.0, primary_node="node1",
    )  # fmt: skip
    return evolve(plain, **changes)


class ConfigurationTests(SynchronousTestCase):
    """What of a configuration contradicts the rest of it."""

    def setUp(self) -> None:
        facts = ClusterFacts("c", "n", "g", 1.0, master="node1")
        self.cluster = Configuration("cluster", "node1", facts)
        here = Connection("default", "bridged", "br0")
        self.cluster.apply([
            PutFacts(facts),
            PutGroup(Group("default", "g", 1.0, 1.0)),
            PutMember(Member("node1", "n", "default", 1.0, 1.0)),
            PutNetwork(Network("net", "u", "10.0.0.0/24", 1.0, 1.0, connections=(here,))),
            PutInstance(instance("fine", nic("a", "aa:00:00:00:00:01", network="net",
                                             ip="10.0.0.2"), network_port=11000)),
        ])  # fmt: skip

    def found(self, *changes: Any) -> str:
        self.cluster.apply(changes)
        return "\n".join([*contradictions(self.cluster),
                          *(each.text for each in dangling(self.cluster))])  # fmt: skip

    def test_nothing(self) -> None:
        """Of a cluster that is as it should be there is nothing to say."""
        self.assertEqual(self.found(), "")

    def test_instances(self) -> None:
        """MAC and IP addresses and ports that two have, networks that are not there."""
        told = self.found(
            PutInstance(instance("twin", nic("b", "aa:00:00:00:00:01"), network_port=11000)),
            PutInstance(instance("lost", nic("c", "aa:00:00:00:00:03", network="gone"))),
            PutInstance(instance("same", nic("d", "aa:00:00:00:00:04", network="net",
                                             ip="10.0.0.2"))),
            PutInstance(instance("away", primary_node="node9")),
        )  # fmt: skip
        for words in (
            "instance 'fine' has NIC 0 mac aa:00:00:00:00:01 duplicate",
            "instance 'twin' has NIC 0 mac aa:00:00:00:00:01 duplicate",
            "tcp/udp port 11000 has duplicates: twin/network port",
            "instance 'lost' NIC 0 is in unknown network 'gone'",
            "instance 'same' NIC 0 has address 10.0.0.2 of network 'net' like others",
            "instance 'away' has invalid primary node 'node9'",
            "the following instances have a non-existing primary-node: away",
        ):
            self.assertIn(words, told)

    def test_nodes_and_networks(self) -> None:
        """Roles that exclude one another, groups that are not there, too few candidates."""
        told = self.found(
            PutMember(Member("node1", "n", "default", 1.0, 1.0, drained=True)),
            PutMember(Member("node2", "m", "gone", 1.0, 1.0, master_candidate=False)),
            PutNetwork(Network("net", "u", "10.0.0.0/24", 1.0, 1.0,
                               connections=(Connection("gone", "bridged", "br0"),))),
        )  # fmt: skip
        for words in (
            "Node node1 state is invalid: master_candidate=True, drain=True, offline=False",
            "belong to a non existing group: node2 ()",
            "network 'net' is connected to unknown group 'gone'",
            "instance 'fine' NIC 0 is in network 'net', which group 'default' has not",
        ):
            self.assertIn(words, told)
        told = self.found(
            PutMember(Member("node1", "n", "default", 1.0, 1.0, master_candidate=False))
        )
        self.assertIn("Master node is not a master candidate", told)
        self.assertIn("Not enough master candidates: actual 0, target 2", told)


class GroupTests(SynchronousTestCase):
    """What nodes of a group say, beside one another."""

    def test_systems(self) -> None:
        """Broken systems, and those that are not everywhere the same."""
        broken = OsDefinition("broken", "/os/broken", "no create script")
        small = OsDefinition("tiny", "/os/tiny", None, (20,), ("small",))
        large = OsDefinition("tiny", "/os/tiny", None, (20,), ("large",))
        extra = OsDefinition("extra", "/os/extra", None, (20,))
        same = {"a": (small,), "b": (small,), "c": ()}
        self.assertEqual(list(of_systems(same)), [])
        told = [
            f"{each.name}: {each.text}"
            for each in of_systems({"a": (small, broken), "b": (large, extra), "c": (extra,)})
        ]
        for words in (
            "a: Invalid OS broken (located at /os/broken): no create script",
            "b: Extra OS extra not present on reference node (a)",
            "b: OS variants list for tiny differs from reference node a: ['small'] vs. ['large']",
            "c: OSes present on reference node a but missing on this node: tiny",
        ):
            self.assertIn(words, told)

    def test_memory(self) -> None:
        """The guests of each node have to fit on the others; a node alone is nobody's fault."""

        def room(name: str, *sizes: int, **changes: Any) -> Room:
            loads = tuple(Load(f"{name}-{size}", size, 1) for size in sizes)
            return Room(name, "default", 1000, 4, 1000, carries=loads, **changes)

        self.assertEqual(list(of_memory([room("a", 900)])), [])
        self.assertEqual(list(of_memory([room("a", 400), room("b", 500)])), [])
        found = list(of_memory([room("a", 400), room("b", 700)]))
        self.assertEqual([each.name for each in found], ["a", "b"])
        self.assertIn("should node b fail (700MiB needed, 600MiB available)", found[1].text)
        (alone,) = of_memory([room("a", 400), room("b", takes=False)])
        self.assertEqual((alone.code, alone.name), ("ENODEN1", "a"))


FAULTS = (
    "ENODEORPHANINSTANCE:node:node1:node is running unknown instance stranger",
    "EINSTANCEWRONGNODE:instance:down:instance is marked down and runs on node node1",
    "EINSTANCEMISSINGDISK:instance:down:volume d-down missing on node node1",
    "EINSTANCEDOWN:instance:up:instance not running on its primary node node1",
)


class VerifyTests(ManyTestCase):
    """Two nodes with real node RPC, whose guests are fake."""

    async def furnished(self) -> Client:
        """Instances that run and that don't, with disks in files on node1, one on node2."""
        hooks = str(self.directory / "hooks")
        await self.start("node1", hooks_dir=hooks)
        await self.join("node1", "node2")
        client = self.client("node1")
        for name, node, start in (
            ("up", "node1", True), ("down", "node1", False), ("far", "node2", True),
        ):  # fmt: skip
            body = create_body(
                name, pnode=node, start=start, disk_template="file", os_type="image+default",
                disks=[{"name": f"d-{name}", "size": 1}], osparams_private={}, no_install=True,
            )  # fmt: skip
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job["opresult"])
            if start:
                await client.job("PUT", f"/2/instances/{name}/startup")
        await client.job("POST", "/2/groups", {"name": "empty"})
        return client

    async def verified(self, client: Client, **wish: Any) -> tuple[list[Any], list[str]]:
        """(results of the jobs, the configuration's first, all lines of their logs)."""
        job = await client.job("PUT", "/2/verify", wish)
        self.assertEqual(job["status"], "success", job["opresult"])
        results, lines = [], []
        for submitted, number in job["opresult"][0]["jobs"]:
            self.assertTrue(submitted)
            child = await client.ended(number)
            self.assertEqual(child["status"], "success", child["opresult"])
            results += child["opresult"]
            lines += [entry[3] for log in child["oplog"] for entry in log]
        return results, lines

    async def looked(self, client: Client, **wish: Any) -> list[dict[str, Any]]:
        """The jobs that look for disks, ended."""
        job = await client.job("PUT", "/2/verify-disks", wish)
        self.assertEqual(job["status"], "success", job["opresult"])
        return [await client.ended(number) for _, number in job["opresult"][0]["jobs"]]

    def test_disks(self) -> Deferred[None]:
        """What is missing and who can't tell, by group; strictly the latter is a failure."""

        async def check() -> None:
            client = await self.furnished()
            jobs = await self.looked(client)
            self.assertEqual([each["opresult"] for each in jobs], [[[{}, [], {}]]] * 2)
            (self.directory / "node1" / "disks" / "down" / "d-down.raw").unlink()
            (job,) = await self.looked(client, group_name="default")
            missing = {"down": [["node1", "d-down"]]}
            self.assertEqual(job["opresult"], [[{}, [], missing]])
            await self.stop("node2")
            (job,) = await self.looked(client, group_name="default", is_strict=False)
            self.assertEqual(
                job["opresult"], [[{"node2": "the node can't be reached"}, [], missing]]
            )
            (job,) = await self.looked(client, group_name="default")
            self.assertEqual(job["status"], "error")
            self.assertIn("node2: the node can't be reached", str(job["opresult"]))

        return Deferred.fromCoroutine(check())

    def test_faults(self) -> Deferred[None]:
        """A guest that is not there or should not be, a missing disk, a broken system, a dead
        node: each is found, and nothing else; codes can be told, and ignored."""

        async def check() -> None:
            client = await self.furnished()
            results, lines = await self.verified(client)
            self.assertEqual(results, [True, True, True], lines)
            self.assertIn("* Empty node group, skipping verification", lines)
            self.assertIn("  - NOTICE: 3 non-redundant instance(s) found.", lines)
            stranger = self.worlds["node1"]["up"]
            self.worlds["node1"]["stranger"] = evolve(stranger, name="stranger")
            self.worlds["node1"]["down"] = evolve(stranger, name="down")
            del self.worlds["node1"]["up"]
            (self.directory / "node1" / "disks" / "down" / "d-down.raw").unlink()
            results, lines = await self.verified(client, error_codes=True)
            self.assertEqual(results, [True, False, True])
            errors = [line for line in lines if "ERROR" in line]
            self.assertEqual(errors, [f"  - ERROR:{each}" for each in FAULTS])
            codes = [each.partition(":")[0] for each in FAULTS]
            results, lines = await self.verified(client, ignore_errors=codes, group_name="default")
            self.assertEqual(results, [True])
            self.assertEqual(sum("WARNING" in line for line in lines), 4)
            await self.stop("node2")
            results, lines = await self.verified(client, ignore_errors=codes, group_name="default")
            self.assertEqual(results, [False])
            found = "\n".join(lines)
            self.assertIn("  - ERROR: node node2: unable to verify node: ", found)
            self.assertIn("instance far, connection to primary node failed", found)

        return Deferred.fromCoroutine(check())

    def test_hooks(self) -> Deferred[None]:
        """Hooks after it run on the group's nodes; when one fails, so does the verification."""

        async def check() -> None:
            await self.start("node1", hooks_dir=str(self.directory / "hooks"))
            client = self.client("node1")
            place = self.directory / "hooks" / "cluster-verify-post.d"
            place.mkdir(parents=True)
            script = place / "look"
            told = self.directory / "told"
            script.write_text(f'#!/bin/sh\necho "$GANETI_OP_CODE" >>{told}\nexit 0\n')
            script.chmod(0o755)
            self.assertEqual((await self.verified(client))[0], [True, True])
            self.assertEqual(told.read_text(), "OP_CLUSTER_VERIFY_GROUP\n")
            script.write_text("#!/bin/sh\necho all is lost\nexit 1\n")
            results, lines = await self.verified(client)
            self.assertEqual(results, [True, False])
            self.assertIn("all is lost", "\n".join(lines))

        return Deferred.fromCoroutine(check())
