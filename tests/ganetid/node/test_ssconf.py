"""
Files of the configuration that every node has, for programs of others.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ClusterFacts, Group, Member, Network
from ganetid.cluster.ssconf import ssconf_of
from ganetid.node.ssconf_files import remove_others, write_files
from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase, until


class ContentTests(SynchronousTestCase):
    """ssconf_of, and the files."""

    def configuration(self) -> Configuration:
        facts = ClusterFacts(
            "u", "n", "g", 1.0, ("b", "a"), master="one",
            params={"uid_pool": [[5, 5], [7, 9]], "master_netdev": "eth7"},
        )  # fmt: skip
        cluster = Configuration("alpha", "one", facts)
        cluster.groups = {"default": Group("default", "g1", 1.0, 1.0)}
        cluster.networks = {"net": Network("net", "w1", "10.0.0.0/24", 1.0, 1.0)}
        for member in (
            Member("two", "u2", "default", 1.0, 1.0, "192.0.2.2", "198.51.100.2", offline=True,
                   master_candidate=False, vm_capable=False),
            Member("one", "u1", "default", 1.0, 1.0, "192.0.2.1", "198.51.100.1",
                   fingerprint="ab", ndparams={"ssh_port": 2222}),
        ):  # fmt: skip
            cluster.members[member.name] = member
        return cluster

    def test_content(self) -> None:
        """As Ganeti writes them."""
        found = ssconf_of(self.configuration(), ("fake",))
        self.assertEqual(found.pop("hvparams_fake"), "")
        self.assertEqual(
            found,
            {
                "cluster_name": "alpha",
                "cluster_tags": "a\nb",
                "enabled_user_shutdown": "True",
                "file_storage_dir": "",
                "gluster_storage_dir": "",
                "hypervisor_list": "fake",
                "instance_list": "",
                "maintain_node_health": "False",
                "master_candidates": "one",
                "master_candidates_certs": "u1=ab",
                "master_candidates_ips": "192.0.2.1",
                "master_ip": "192.0.2.1",
                "master_netdev": "eth7",
                "master_netmask": "32",
                "master_node": "one",
                "networks": "w1 net",
                "node_list": "one\ntwo",
                "node_primary_ips": "one 192.0.2.1\ntwo 192.0.2.2",
                "node_secondary_ips": "one 198.51.100.1\ntwo 198.51.100.2",
                "node_vm_capable": "one=True\ntwo=False",
                "nodegroups": "g1 default",
                "offline_nodes": "two",
                "online_nodes": "one",
                "primary_ip_family": "2",
                "release_version": "3.0.2",
                "shared_file_storage_dir": "",
                "ssh_ports": "one=2222\ntwo=22",
                "uid_pool": "5\n7-9",
            },
        )

    def test_files(self) -> None:
        """A line end at the end of each that is not empty; nobody writes to them."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for _ in range(2):
            write_files(directory, {"node_list": "one\ntwo", "cluster_tags": "", "old": "x"})
        remove_others(directory, frozenset({"node_list", "cluster_tags"}))
        found = {path.name: path.read_text() for path in directory.iterdir()}
        self.assertEqual(found, {"ssconf_node_list": "one\ntwo\n", "ssconf_cluster_tags": ""})
        self.assertEqual((directory / "ssconf_node_list").stat().st_mode & 0o777, 0o444)


class DistributionTests(ManyTestCase):
    """In a cluster of three."""

    def test_distributed(self) -> Deferred[None]:
        """All nodes have them soon after a change; what was lost comes back when asked for."""

        async def check() -> None:
            client = await self.three()
            job = await client.job("POST", "/2/instances", create_body("inst", pnode="node2"))
            self.assertEqual(job["status"], "success")
            for name in ("node1", "node2", "node3"):
                await until(lambda name=name: self.has(name, "instance_list") == "inst\n", name)
                self.assertEqual(self.has(name, "node_list"), "node1\nnode2\nnode3\n")
                self.assertEqual(self.has(name, "master_node"), "node1\n")
            lost = self.directory / "node3" / "ssconf_master_node"
            lost.unlink()
            await self.redistribute(client)
            self.assertEqual(self.has("node3", "master_node"), "node1\n")
            await self.stop("node3")
            self.assertIn("node3", str(await self.redistribute(client)))
            lost.unlink()
            await self.start("node3")  # a node that was away gets all of them
            await until(lambda: self.has("node3", "master_node") == "node1\n", "it is back")

        return Deferred.fromCoroutine(check())

    def has(self, node: str, name: str) -> str | None:
        path = self.directory / node / f"ssconf_{name}"
        return path.read_text() if path.exists() else None

    async def redistribute(self, client: Client) -> object:
        """The job's log."""
        job = await client.job("PUT", "/2/redistribute-config")
        self.assertEqual(job["status"], "success", job)
        return job["oplog"]
