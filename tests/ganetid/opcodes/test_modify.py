"""
Instances that are changed, renamed, grown, made again: all by jobs, on a fake hypervisor.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.ganetid.cluster import NAME, NETWORK, Client, ClusterTestCase, create_body

PATH = f"/2/instances/{NAME}"
DISK = {"name": "more", "size": 32, "provider": "archipelago"}


class ModifyTests(ClusterTestCase):
    """What a client sees, and what the guest has."""

    def run_test(self, test: Any, **body: Any) -> Deferred[None]:
        async def run() -> None:
            client = await self.start()
            await self.connect_network(client)
            nics = [{"name": "nic1", "network": NETWORK, "ip": "10.7.0.9"}]
            job = await client.job("POST", "/2/instances", create_body(nics=nics, **body))
            self.assertEqual(job["status"], "success", job)
            await test(client)

        return Deferred.fromCoroutine(run())

    async def modify(self, client: Client, **body: Any) -> Any:
        """The result of a modification that succeeds."""
        job = await client.job("PUT", f"{PATH}/modify", body)
        self.assertEqual(job["status"], "success", job["opresult"])
        return job["opresult"][0]

    async def until_told(self, operation: str) -> None:
        """Wait until the success of such an opcode was published."""
        for _ in range(200):
            if "success" in self.listener.statuses(operation):
                return
            await deferLater(reactor, 0.02)
        raise AssertionError(f"nothing was told of {operation}")

    async def refused(self, client: Client, *text: str, **body: Any) -> None:
        """A modification that fails changes nothing."""
        _, before = await client.call("GET", PATH)
        job = await client.job("PUT", f"{PATH}/modify", body)
        self.assertEqual(job["status"], "error", job["opresult"])
        for each in text:
            self.assertIn(each, str(job["opresult"][0][1]))
        self.assertEqual((await client.call("GET", PATH))[1], before)

    def test_hot_disk(self) -> Deferred[None]:
        """A disk comes and goes while the guest runs; what is removed is gone, kept is kept."""

        async def check(client: Client) -> None:
            told = await self.modify(client, disks=[["add", "-1", DISK]], hotplug=True)
            self.assertEqual(told, [["disk/1", "add:size=32,mode=rw"], ["disk/1", "hotplug:done"]])
            exports = [drive.export for drive in self.hypervisor.guest(NAME).drives]
            self.assertEqual(exports, [f"vol-{NAME}", "more"])
            await self.modify(client, disks=[["remove", "more", {}]], hotplug=True)
            self.assertNotIn("more", self.blocks.volumes)
            self.assertEqual(len(self.hypervisor.guest(NAME).drives), 1)
            await self.modify(client, disks=[["add", -1, DISK]], hotplug_if_possible=True)
            await self.modify(
                client, disks=[["remove", 1, {}]], hotplug_if_possible=True, keep_disks=True
            )
            self.assertIn("more", self.blocks.volumes)
            _, shown = await client.call("GET", PATH)
            self.assertEqual(shown["disk.sizes"], [64])

        return self.run_test(check)

    def test_hot_disk_that_fails(self) -> Deferred[None]:
        """When the second of two disks can't be had, the first is gone again too."""

        async def check(client: Client) -> None:
            await self.blocks.create("taken", 1)
            disks = [["add", -1, DISK], ["add", -1, {**DISK, "name": "taken"}]]
            await self.refused(client, "exists already", disks=disks, hotplug=True)
            self.assertNotIn("more", self.blocks.volumes)
            self.assertIn("taken", self.blocks.volumes)
            self.assertEqual(len(self.hypervisor.guest(NAME).drives), 1)

        return self.run_test(check)

    def test_hot_nic(self) -> Deferred[None]:
        """A NIC comes, changes its address and goes; its address is free again."""

        async def check(client: Client) -> None:
            nic = {"network": NETWORK, "ip": "pool", "mac": "fa:16:3e:00:00:07"}
            told = await self.modify(client, nics=[["add", "-1", nic]], hotplug=True)
            self.assertEqual(told[1], ["nic.1", "hotplug:done"])
            self.assertEqual(len(self.hypervisor.guest(NAME).nics), 2)
            _, shown = await client.call("GET", PATH)
            self.assertEqual(shown["nic.ips"], ["10.7.0.9", "10.7.0.2"])
            uuid = shown["nic.uuids"][1]
            await self.until_told("OP_INSTANCE_SET_PARAMS")
            news = [each for _, each in self.listener.heard if "instance_nics" in each][-1]
            self.assertEqual([nic["ip"] for nic in news["instance_nics"]], shown["nic.ips"])
            self.assertEqual(news["job_fields"]["nics"][0][2]["ip"], "pool")
            await self.modify(client, nics=[["modify", uuid, {"ip": "10.7.0.77"}]], hotplug=True)
            await self.refused(client, "already in use", nics=[["add", {"network": NETWORK,
                               "ip": "10.7.0.77"}]])  # fmt: skip
            await self.modify(client, nics=[["remove", uuid, {}]], hotplug=True)
            self.assertEqual(len(self.hypervisor.guest(NAME).nics), 1)
            await self.modify(client, nics=[["add", {"network": NETWORK, "ip": "10.7.0.77"}]])
            _, network = await client.call("GET", f"/2/networks/{NETWORK}")
            self.assertEqual(network["map"][77], "X")

        return self.run_test(check)

    def test_parameters(self) -> Deferred[None]:
        """Parameters are set, reset, and refused in Ganeti's words."""

        async def check(client: Client) -> None:
            told = await self.modify(
                client, beparams={"memory": 256, "vcpus": 2}, hvparams={"acpi": False}
            )
            self.assertIn(["be/memory", 256], told)
            _, shown = await client.call("GET", PATH)
            self.assertEqual((shown["beparams"]["maxmem"], shown["beparams"]["vcpus"]), (256, 2))
            self.assertEqual(shown["custom_hvparams"], {"acpi": False})
            await self.modify(client, beparams={"vcpus": "default"}, hvparams={"acpi": "default"})
            _, shown = await client.call("GET", PATH)
            self.assertEqual((shown["beparams"]["vcpus"], shown["custom_hvparams"]), (1, {}))
            await self.refused(client, "No changes submitted")
            await self.refused(client, "'vcpus' (value x) is not a valid integer",
                               beparams={"vcpus": "x"})  # fmt: skip
            await self.refused(client, "Unknown parameter 'nonsense'", hvparams={"nonsense": 1})
            await self.refused(client, "violates policy", "memory-size value 2000000",
                               beparams={"memory": 2000000})  # fmt: skip
            await self.modify(client, beparams={"memory": 2000000}, ignore_ipolicy=True)
            await self.refused(client, "marked to be up", offline=True)

        return self.run_test(check)

    def test_balloon(self) -> Deferred[None]:
        """A running guest makes do with less, between its bounds, or beyond them by force."""

        async def check(client: Client) -> None:
            await self.modify(client, beparams={"minmem": 64, "maxmem": 128})
            told = await self.modify(client, runtime_mem=100)
            self.assertEqual(told, [["runtime_memory", 100]])
            self.assertEqual((await self.hypervisor.statistics(NAME)).memory_mib, 100)
            await self.refused(client, "must have memory between 64 and 128", runtime_mem=32)
            await self.modify(client, runtime_mem=32, force=True)
            await client.job("PUT", f"{PATH}/shutdown", {"timeout": 1})
            await self.refused(client, "is not running", runtime_mem=100)

        return self.run_test(check)

    def test_volume_of_others(self) -> Deferred[None]:
        """A volume that exists comes as it is, and stays when it is only detached."""

        async def check(client: Client) -> None:
            await self.blocks.create("theirs", 16 * 1024**2)
            disk = {"name": "theirs", "size": 16, "provider": "archipelago", "reuse_data": "True"}
            await self.modify(client, disks=[["add", -1, disk]], hotplug=True)
            exports = [drive.export for drive in self.hypervisor.guest(NAME).drives]
            self.assertEqual(exports, [f"vol-{NAME}", "theirs"])
            await self.modify(client, disks=[["detach", "theirs", {}]], hotplug=True)
            self.assertIn("theirs", self.blocks.volumes)
            self.assertEqual(len(self.hypervisor.guest(NAME).drives), 1)

        return self.run_test(check)

    def test_grow(self) -> Deferred[None]:
        """A disk grows by so much or to so much, and the running guest is told."""

        async def check(client: Client) -> None:
            job = await client.job("POST", f"{PATH}/disk/0/grow", {"amount": 16})
            self.assertEqual(job["status"], "success", job)
            absolute = {"amount": 128, "absolute": True}
            await client.job("POST", f"{PATH}/disk/0/grow", absolute)
            self.assertEqual(self.blocks.volumes[f"vol-{NAME}"].size_bytes, 128 * 1024**2)
            _, shown = await client.call("GET", PATH)
            self.assertEqual(shown["disk.sizes"], [128])
            job = await client.job("POST", f"{PATH}/disk/0/grow", {"amount": 8, "absolute": True})
            self.assertIn("is smaller than current disk size", job["opresult"][0][1][0])

        return self.run_test(check)

    def test_offline_and_rename(self) -> Deferred[None]:
        """An instance that is off becomes offline, does not start so, and gets another name."""

        async def check(client: Client) -> None:
            await client.job("PUT", f"{PATH}/shutdown", {"timeout": 1})
            await self.modify(client, offline=True)
            self.assertEqual((await client.call("GET", PATH))[1]["status"], "ADMIN_offline")
            job = await client.job("PUT", f"{PATH}/startup")
            self.assertIn("is marked to be offline", job["opresult"][0][1][0])
            job = await client.job("PUT", f"{PATH}/rename", {
                "new_name": "snf-other", "ip_check": False, "name_check": False})  # fmt: skip
            self.assertEqual((job["status"], job["opresult"]), ("success", ["snf-other"]))
            self.assertEqual((await client.call("GET", PATH))[0], 404)
            _, shown = await client.call("GET", "/2/instances/snf-other")
            self.assertEqual(shown["nic.ips"], ["10.7.0.9"])
            job = await client.job("PUT", "/2/instances/snf-other/modify", {"offline": False})
            job = await client.job("PUT", "/2/instances/snf-other/startup")
            self.assertEqual(job["status"], "success", job)
            self.assertIn("snf-other", self.world)
            job = await client.job("DELETE", "/2/instances/snf-other", {"shutdown_timeout": 0})
            self.assertEqual(job["status"], "success", job)
            self.assertEqual(list(self.blocks.volumes), ["image"])

        return self.run_test(check)

    def test_reinstall(self) -> Deferred[None]:
        """One job of three: a disk that is a clone begins anew, another keeps its content."""

        async def check(client: Client) -> None:
            job = await client.job("POST", f"{PATH}/reinstall", {"os": "snf-image+default"})
            self.assertEqual(job["status"], "success", job)
            self.assertEqual(job["opstatus"], ["success"] * 3)
            self.assertIn(NAME, self.world)
            status, _ = await client.call("POST", f"{PATH}/reinstall?os=x", {"os": "x"})
            self.assertEqual(status, 400)

        disks = [{"name": f"vol-{NAME}", "size": 64, "provider": "archipelago", "origin": "image"}]
        return self.run_test(check, disks=disks)

    def test_disks(self) -> Deferred[None]:
        """Disks are activated, lost and made again; there is no mirror to replace."""

        async def check(client: Client) -> None:
            job = await client.job("PUT", f"{PATH}/deactivate-disks")
            self.assertIn("is running, cannot shutdown disks", job["opresult"][0][1][0])
            await client.job("PUT", f"{PATH}/shutdown", {"timeout": 1})
            job = await client.job("PUT", f"{PATH}/activate-disks")
            self.assertEqual(job["opresult"][0][0][:2], ["node1", "disk/0"])
            del self.blocks.volumes[f"vol-{NAME}"]
            job = await client.job("POST", f"{PATH}/recreate-disks", {"disks": [0]})
            self.assertEqual(job["status"], "success", job)
            self.assertIn(f"vol-{NAME}", self.blocks.volumes)
            job = await client.job("POST", f"{PATH}/replace-disks", {"mode": "replace_auto"})
            self.assertEqual(job["opresult"][0][1][1], "internal_error")

        return self.run_test(check)

    def test_snapshot(self) -> Deferred[None]:
        """A disk's present content stays under a name."""

        async def check(client: Client) -> None:
            body = {"disks": [[0, {"snapshot_name": "snap-1"}]]}
            job = await client.job("POST", f"{PATH}/snapshot", body)
            self.assertEqual((job["status"], job["opresult"][0]),
                             ("success", [[f"vol-{NAME}", "snap-1"]]))  # fmt: skip
            self.assertIn("snap-1", self.blocks.volumes)

        return self.run_test(check)
