"""
The cluster's parameters, groups and networks: changed by jobs, kept over a restart.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import NETWORK, Client, ClusterTestCase, create_body

# Parameters that /2/info shows and /2/modify takes, under the same name.
SYMMETRIC = (
    "beparams", "os_hvp", "osparams", "diskparams", "candidate_pool_size", "max_running_jobs",
    "max_tracked_jobs", "uid_pool", "maintain_node_health", "prealloc_wipe_disks", "ndparams",
    "ipolicy", "default_iallocator_params", "mac_prefix", "master_netdev", "master_netmask",
    "reserved_lvs", "use_external_mip_script", "enabled_disk_templates", "enabled_hypervisors",
    "file_storage_dir", "shared_file_storage_dir", "gluster_storage_dir", "install_image",
    "instance_communication_network", "zeroing_image", "enabled_user_shutdown",
    "enabled_data_collectors", "data_collector_interval",
)  # fmt: skip


class ClusterParameterTests(ClusterTestCase):
    """What a client sees."""

    def run_test(self, test: Any) -> Deferred[None]:
        async def run() -> None:
            await test(await self.start())

        return Deferred.fromCoroutine(run())

    async def done(self, client: Client, *request: Any) -> Any:
        job = await client.job(*request)
        self.assertEqual(job["status"], "success", job["opresult"])
        return job["opresult"][0]

    async def refused(self, client: Client, text: str, *request: Any) -> None:
        job = await client.job(*request)
        self.assertEqual(job["status"], "error", job)
        self.assertIn(text, str(job["opresult"][0][1]))

    def test_symmetry(self) -> Deferred[None]:
        """What /2/info tells may be put back as it is, and changes nothing."""

        async def check(client: Client) -> None:
            _, before = await client.call("GET", "/2/info")
            body = {name: before[name] for name in SYMMETRIC}
            body["beparams"] = before["beparams"]["default"]
            await self.done(client, "PUT", "/2/modify", body)
            _, after = await client.call("GET", "/2/info")
            changing = {"mtime", "serial_no"}
            for name in set(before) - changing:
                self.assertEqual(after[name], before[name], name)

        return self.run_test(check)

    def test_parameters_count(self) -> Deferred[None]:
        """The cluster's parameters hold for instances that set none, also after a restart."""

        async def check(client: Client) -> None:
            await self.done(client, "PUT", "/2/modify", {"beparams": {"vcpus": 3}})
            body = create_body("snf-1", beparams={"memory": 128})
            await self.done(client, "POST", "/2/instances", body)
            self.assertEqual(self.world["snf-1"].vcpus, 3)
            client = await self.restart()
            _, shown = await client.call("GET", "/2/instances/snf-1")
            self.assertEqual(shown["beparams"]["vcpus"], 3)
            status, body = await client.call("PUT", "/2/modify", {"compression_tools": ["gzip"]})
            self.assertEqual(status, 403)
            await self.refused(client, "least one instance using it", "PUT", "/2/modify",
                               {"enabled_disk_templates": ["file"]})  # fmt: skip
            await self.refused(client, "Invalid key in new ipolicy", "PUT", "/2/modify",
                               {"ipolicy": {"nonsense": 1}})  # fmt: skip

        return self.run_test(check)

    def test_policies(self) -> Deferred[None]:
        """A group's policy counts before the cluster's, for creation too."""

        async def check(client: Client) -> None:
            _, group = await client.call("GET", "/2/groups/default")
            minmax = group["ipolicy"]["minmax"]
            minmax[0]["max"]["cpu-count"] = 2
            await self.done(client, "PUT", "/2/groups/default/modify",
                            {"ipolicy": {"minmax": minmax}})  # fmt: skip
            body = create_body("snf-1", beparams={"memory": 128, "vcpus": 3})
            await self.refused(client, "cpu-count value 3 is not in range [1, 2]", "POST",
                               "/2/instances", body)  # fmt: skip
            self.assertEqual(list(self.blocks.volumes), ["image"])
            ignoring = {**body, "ignore_ipolicy": True}
            await self.done(client, "POST", "/2/instances", ignoring)
            await self.done(client, "PUT", "/2/groups/default/modify",
                            {"ipolicy": {"minmax": "default"}})  # fmt: skip
            _, group = await client.call("GET", "/2/groups/default")
            self.assertEqual(group["custom_ipolicy"], {})

        return self.run_test(check)

    def test_groups(self) -> Deferred[None]:
        """A group is made, renamed, given the node with its networks, and taken away."""

        async def check(client: Client) -> None:
            await self.connect_network(client)
            await self.done(client, "POST", "/2/groups", {"name": "second"})
            await self.refused(client, "already exists", "POST", "/2/groups", {"name": "second"})
            await self.done(client, "PUT", "/2/groups/second/assign-nodes", {"nodes": ["node1"]})
            _, group = await client.call("GET", "/2/groups/second")
            self.assertEqual(group["node_list"], ["node1"])
            await self.refused(client, "not empty", "DELETE", "/2/groups/second")
            await self.done(client, "PUT", "/2/groups/default/rename", {"new_name": "first"})
            _, network = await client.call("GET", f"/2/networks/{NETWORK}")
            self.assertEqual([place[0] for place in network["group_list"]], ["first"])
            await self.done(client, "PUT", "/2/groups/first/assign-nodes", {"nodes": ["node1"]})
            await self.done(client, "DELETE", "/2/groups/second")
            client = await self.restart()
            _, groups = await client.call("GET", "/2/groups")
            self.assertEqual([group["name"] for group in groups], ["first"])

        return self.run_test(check)

    def test_networks(self) -> Deferred[None]:
        """A network's reservations and gateway change; two groups may carry it."""

        async def check(client: Client) -> None:
            await self.connect_network(client)
            path = f"/2/networks/{NETWORK}"
            await self.done(client, "PUT", f"{path}/modify", {"add_reserved_ips": ["10.7.0.5"]})
            _, network = await client.call("GET", path)
            self.assertIn("10.7.0.5", network["external_reservations"])
            self.assertEqual(network["map"][5], "X")
            taken = create_body("snf-1", nics=[{"network": NETWORK, "ip": "10.7.0.5"}])
            await self.refused(client, "already in use", "POST", "/2/instances", taken)
            await self.done(client, "PUT", f"{path}/modify", {"remove_reserved_ips": ["10.7.0.5"]})
            await self.done(client, "POST", "/2/instances", taken)
            await self.refused(client, "Conflicting IP addresses", "PUT", f"{path}/disconnect",
                               {"group_name": "default"})  # fmt: skip
            await self.done(client, "PUT", f"{path}/modify", {"gateway": "none"})
            await self.done(client, "PUT", f"{path}/modify", {"gateway": "10.7.0.254"})
            _, network = await client.call("GET", path)
            self.assertEqual(network["gateway"], "10.7.0.254")
            await self.done(client, "POST", "/2/groups", {"name": "second"})
            place = {"group_name": "second", "network_mode": "bridged", "network_link": "gtbr9"}
            await self.done(client, "PUT", f"{path}/connect", place)
            _, network = await client.call("GET", path)
            self.assertEqual([place[0] for place in network["group_list"]], ["default", "second"])
            await self.refused(client, "in use by", "PUT", f"{path}/rename", {"new_name": "x"})

        return self.run_test(check)

    def test_many_at_once(self) -> Deferred[None]:
        """Places for several; one that can't be is told, the others are made by jobs."""

        async def check(client: Client) -> None:
            wanted = [create_body(f"snf-{number}") for number in range(3)]
            wanted.append(create_body("snf-huge", beparams={"memory": 2000000}))
            for each in wanted:
                del each["__version__"]
            job = await client.job("POST", "/2/instances-multi-alloc", {"instances": wanted})
            self.assertNotIn("meta_data", str(job))
            result = job["opresult"][0]
            self.assertEqual(result["failed"], ["snf-huge"])
            self.assertEqual(result["allocatable"], ["snf-0", "snf-1", "snf-2"])
            for done, child in result["jobs"]:
                self.assertTrue(done)
                self.assertEqual((await client.ended(child))["status"], "success")
            self.assertEqual(sorted(self.world), ["snf-0", "snf-1", "snf-2"])
            self.assertIsNotNone(self.world["snf-0"].config_drive)

        return self.run_test(check)
