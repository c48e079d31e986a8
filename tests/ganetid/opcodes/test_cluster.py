"""
The cluster's parameters, groups and networks: changed by jobs, kept over a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from ganetid.opcodes.table import OPCODES
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

# What is put, and what /2/info tells then where that is not the same.
SETTABLE: Mapping[str, tuple[Any, Any]] = {
    "beparams": ({"vcpus": 3}, {"default": {"vcpus": 3}}),
    "blacklisted_os": ([["add", "bad"], ["add", "worse"], ["remove", "worse"]], ["bad"]),
    "candidate_pool_size": (3, 3),
    "data_collector_interval": ({"diskstats": 7}, {"diskstats": 7}),
    "default_iallocator": ("hail", "hail"),
    "default_iallocator_params": ({"ignore-soft-errors": None}, {"ignore-soft-errors": None}),
    "diskparams": ({"rbd": {"pool": "p"}}, {"rbd": {"pool": "p"}}),
    "drbd_helper": ("/bin/true", "/bin/true"),
    "enabled_data_collectors": ({"drbd": False}, {"drbd": False}),
    "enabled_disk_templates": (["ext", "diskless"], ["ext", "diskless"]),
    "enabled_hypervisors": (["fake"], ["fake"]),
    "enabled_user_shutdown": (False, False),
    "file_storage_dir": ("/srv/f", "/srv/f"),
    "gluster_storage_dir": ("/srv/g", "/srv/g"),
    "hidden_os": ([["add", "shy"]], ["shy"]),
    "hvparams": ({"kvm": {"acpi": False}}, {}),
    "install_image": ("http://example.org/i", "http://example.org/i"),
    "instance_communication_network": ("talk", "talk"),
    "ipolicy": ({"vcpu-ratio": 7.0}, {"vcpu-ratio": 7.0}),
    "mac_prefix": ("AA:BB:CC", "aa:bb:cc"),
    "maintain_node_health": (True, True),
    "master_netdev": ("eth7", "eth7"),
    "master_netmask": (24, 24),
    "max_running_jobs": (7, 7),
    "max_tracked_jobs": (9, 9),
    "ndparams": ({"spindle_count": 4}, {"spindle_count": 4}),
    "nicparams": ({"link": "br7"}, {"default": {"link": "br7"}}),
    "os_hvp": ({"s": {"kvm": {"acpi": False}}}, {"s": {"kvm": {"acpi": False}}}),
    "osparams": ({"s": {"a": "1"}}, {"s": {"a": "1"}}),
    "prealloc_wipe_disks": (True, True),
    "reserved_lvs": (["lv.*"], ["lv.*"]),
    "shared_file_storage_dir": ("/srv/s", "/srv/s"),
    "uid_pool": ([[100, 200]], [[100, 200]]),
    "use_external_mip_script": (True, True),
    "vg_name": ("xenvg", "xenvg"),
    "zeroing_image": ("/z", "/z"),
}
# They have no key of their own in /2/info, in a Ganeti neither; or RAPI refuses them.
NOT_SHOWN = {
    "force", "hv_state", "disk_state", "osparams_private_cluster", "add_uids", "remove_uids",
    "modify_etc_hosts", "compression_tools", "master_ip",
}  # fmt: skip
REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"uid_pool": [[9, 3]]}, "is larger than higher boundary"),
    ({"add_uids": [[-1, 3]]}, "UIDPOOL_UID_MIN"),
    ({"remove_uids": [[1, 2**32]]}, "UIDPOOL_UID_MAX"),
    ({"mac_prefix": "aa:bb"}, "Invalid MAC address prefix 'aa:bb'"),
    ({"master_netmask": 33}, "CIDR netmask (33) not valid"),
    ({"install_image": "relative"}, "must be an absolute path or a URL"),
    ({"nicparams": {"mode": "telepathic"}}, "Invalid NIC mode 'telepathic'"),
    ({"default_iallocator": "absent"}, "Invalid default iallocator script 'absent'"),
    ({"enabled_hypervisors": ["lxc"]}, "Enabled hypervisors contains invalid entries: lxc"),
    ({"ndparams": {"nonsense": 1}}, "nonsense"),
    ({"beparams": {"vcpus": "many"}}, "vcpus"),
)


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

    def test_every_parameter(self) -> Deferred[None]:
        """Each parameter that can be set is set, shown, kept over a restart; bad ones are not."""
        fields = {each.name for each in OPCODES["OP_CLUSTER_SET_PARAMS"].fields}
        self.assertEqual(fields, {*SETTABLE, *NOT_SHOWN})

        async def check(client: Client) -> None:
            await self.done(client, "PUT", "/2/modify", {
                name: value for name, (value, _) in SETTABLE.items()})  # fmt: skip
            for body, words in REFUSED:
                await self.refused(client, words, "PUT", "/2/modify", body)
            await self.done(client, "PUT", "/2/modify", {"add_uids": [[300, 300]]})
            await self.done(client, "PUT", "/2/modify", {"remove_uids": [[300, 300]]})
            for again in (False, True):
                client = await self.restart() if again else client
                _, shown = await client.call("GET", "/2/info")
                for name, (_, told) in SETTABLE.items():
                    self.assertEqual(_part(shown[name], told), told, name)

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


def _part(shown: Any, told: Any) -> Any:
    """Of a mapping what `told` speaks of, else all of it."""
    if isinstance(told, dict):
        return {key: _part(shown[key], value) for key, value in told.items()}
    return shown
