"""
Devices that come to a guest of a real QEMU, by the remote API.

The machine has no operating system: devices that a guest would have to give up are tested in
tests/ganetid/hypervisor, with one.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from tests.ganetid.cluster import NAME, ClusterTestCase, create_body

PATH = f"/2/instances/{NAME}"
QEMU = "qemu-system-x86_64"


class QemuTests(ClusterTestCase):
    """One guest, in a ganetid of this process."""

    timeout = 120

    def setUp(self) -> None:
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")
        super().setUp()

    def test_devices_come(self) -> Deferred[None]:
        """A disk and a NIC are plugged, a disk grows, and QEMU has it so."""

        async def check() -> None:
            client = await self.start(hypervisor="kvm", accel="tcg", network_mode="user")
            body = create_body(
                hypervisor="kvm", disk_template="file", disks=[{"name": "d0", "size": 8}]
            )
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job["opresult"])
            try:
                await self.change(client)
            finally:
                job = await client.job("DELETE", PATH, {"shutdown_timeout": 0})
            self.assertEqual(job["status"], "success", job["opresult"])

        return Deferred.fromCoroutine(check())

    def test_sleep(self) -> Deferred[None]:
        """A guest with a disk and a NIC is paused, put to sleep, and goes on in a new process."""

        async def check() -> None:
            client = await self.start(hypervisor="kvm", accel="tcg", network_mode="user")
            body = create_body(
                hypervisor="kvm",
                disk_template="file",
                disks=[{"name": "d0", "size": 8}],
                nics=[{"mac": "aa:00:00:00:00:77"}],
            )
            job = await client.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job["opresult"])
            try:
                await self.sleep(client)
            finally:
                job = await client.job("DELETE", PATH, {"shutdown_timeout": 0})
            self.assertEqual(job["status"], "success", job["opresult"])
            self.assertFalse((self.directory / "g" / "instances" / NAME).exists())

        return Deferred.fromCoroutine(check())

    async def sleep(self, client: Any) -> None:
        kvm = self.services[-1].half.node.hypervisors["kvm"]
        before = kvm.runs.here(NAME).process.pid
        for word, state in (
            ("pause", "paused"),
            ("unpause", "running"),
            ("suspend", None),
            ("resume", "running"),
        ):
            job = await client.job("PUT", f"{PATH}/{word}")
            self.assertEqual(job["status"], "success", job["opresult"])
            status, shown = await client.call("GET", f"{PATH}/statistics")
            self.assertEqual((status, shown.get("state")), (200 if state else 503, state), word)
        self.assertEqual(len(shown["drives"]), 2)  # the config drive too
        self.assertNotEqual(kvm.runs.here(NAME).process.pid, before)

    async def change(self, client: Any) -> None:
        changes = {
            "disks": [["add", -1, {"name": "d1", "size": 16}]],
            "nics": [["add", -1, {"mac": "aa:00:00:00:00:77"}]],
            "hotplug": True,
        }
        job = await client.job("PUT", f"{PATH}/modify", changes)
        self.assertEqual(job["status"], "success", job["opresult"])
        self.assertEqual(
            [each[1] for each in job["opresult"][0] if each[1].startswith("hotplug")],
            ["hotplug:done", "hotplug:done"],
        )
        job = await client.job("POST", f"{PATH}/disk/1/grow", {"amount": 16})
        self.assertEqual(job["status"], "success", job["opresult"])
        _, shown = await client.call("GET", PATH)
        self.assertEqual((shown["disk.sizes"], len(shown["nic.macs"])), ([8, 32], 1))
        self.assertIn(shown["network_port"], range(11000, 15000))
        kvm = self.services[-1].half.node.hypervisors["kvm"]
        known = {uuid[:18] for uuid in (*shown["disk.uuids"], *shown["nic.uuids"])}
        self.assertEqual(await kvm.devices(NAME), known)
        blocks = await kvm.runs.here(NAME).ask("query-block")
        images = [each["inserted"]["image"] for each in blocks if "inserted" in each]
        files = {Path(each["filename"]).name: each["virtual-size"] for each in images}
        self.assertEqual(files["d0.raw"], 8 * 1024**2)
        self.assertEqual(files["d1.raw"], 32 * 1024**2)
        sizes = {path.name: path.stat().st_size for path in self.disks()}
        self.assertEqual(sizes, {"d0.raw": 8 * 1024**2, "d1.raw": 32 * 1024**2})

    def disks(self) -> list[Path]:
        return sorted((self.directory / "g" / "disks" / NAME).iterdir())
