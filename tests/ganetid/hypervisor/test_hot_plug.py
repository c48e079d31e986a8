"""Disks and NICs come and go, and grow, while a real Linux runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from ganetid.hypervisor.values import NbdDrive, UserNic
from tests.ganetid.hypervisor.bench import DISK_A, DISK_B, MIB, NIC_A, QemuTestCase, deferred
from tests.live.linux_guest import Shell

WAIT = "for i in $(seq 60); do {} && break; sleep 0.1; done; "


class HotPlugTests(QemuTestCase):
    """On both kinds of machine."""

    async def see(self, shell: Shell, command: str, expected: str) -> None:
        """What the guest finds, at last."""
        said = ""
        for _ in range(60):
            said = await shell.run(f"{command} 2>/dev/null; true")
            if said == expected:
                return
            await deferLater(reactor, 0.1)
        self.assertEqual(said, expected)

    async def come_and_go(self, machine: str) -> None:
        node = await self.node()
        guest = self.linux(drives=(self.disk("a", DISK_A),), hvparams={"machine_version": machine})
        await node.start(guest)
        shell = await self.shell(node)
        await node.plug_drive("one", self.disk("b", DISK_B), 1)
        await node.plug_nic("one", UserNic("52:54:00:00:00:09", uuid=NIC_A), 0)
        await self.see(shell, "cat /sys/block/vdb/serial", DISK_B[:20])
        await self.see(shell, "cat /sys/class/net/eth0/address", "52:54:00:00:00:09")
        await shell.run("echo hello >/tmp/x; dd if=/tmp/x of=/dev/vdb conv=fsync 2>/dev/null")
        self.assertEqual((self.directory / "b").read_bytes()[:5], b"hello")
        # A restart of this process forgets nothing.
        await node.close()
        node = await self.node("node", "one")
        self.assertEqual(await node.devices("one"), {DISK_A[:18], DISK_B[:18], NIC_A[:18]})
        os.truncate(self.directory / "b", 24 * MIB)
        await node.resize_drive("one", DISK_B, 24 * MIB)
        await self.see(shell, "cat /sys/block/vdb/size", str(24 * MIB // 512))
        for uuid in (DISK_A, DISK_B):
            await node.unplug_drive("one", uuid)
        await node.unplug_nic("one", NIC_A)
        self.assertEqual(await node.devices("one"), frozenset())
        await self.see(shell, "ls /sys/block", "")
        # and again, at the same places
        await node.plug_drive("one", self.disk("b", DISK_B), 1)
        await node.plug_nic("one", UserNic("52:54:00:00:00:09", uuid=NIC_A), 0)
        await self.see(shell, "cat /sys/block/vda/serial", DISK_B[:20])

    @deferred
    async def test_pc(self) -> None:
        """A disk and a NIC are plugged, used, grown, found again, unplugged and plugged anew."""
        await self.come_and_go("pc")

    @deferred
    async def test_q35(self) -> None:
        """The same where each device has a port of its own."""
        await self.come_and_go("q35")

    @deferred
    async def test_guest_that_holds_on(self) -> None:
        """A device that the guest does not let go of is still there, and the caller is told."""
        node = await self.node()
        disk = self.disk("a", DISK_A)
        await node.start(self.linux(drives=(disk,), hvparams={"acpi": False}))
        why = await self.refused(node.unplug_drive("one", DISK_A, timeout_s=0.5))
        self.assertIn("keeps the device", why)
        self.assertEqual(await node.devices("one"), {DISK_A[:18]})
        self.assertTrue(await node.verify("one"))

    @deferred
    async def test_broken_disk(self) -> None:
        """Of a disk that can't be opened nothing stays, and it can be plugged when it can."""
        node = await self.node()
        await node.start(self.linux())
        broken = NbdDrive(str(self.directory / "nobody"), "x", uuid=DISK_A)
        await self.refused(node.plug_drive("one", broken, 0))
        self.assertEqual(await node.devices("one"), frozenset())
        await node.plug_drive("one", self.disk("a", DISK_A), 0)
        self.assertEqual(await node.devices("one"), {DISK_A[:18]})

    @deferred
    async def test_full(self) -> None:
        """When all places are taken, one more is refused."""
        node = await self.node()
        await node.start(self.linux(hvparams={"machine_version": "q35", "kvm_pci_reservations": 2}))
        await node.plug_drive("one", self.disk("a", DISK_A), 7)
        why = await self.refused(node.plug_drive("one", self.disk("b", DISK_B), 0))
        self.assertIn("no place", why)


class NbdGrowthTests(QemuTestCase):
    """QEMU sticks to the size that an export had when it connected."""

    def serve(self, path: Path) -> Any:
        """An NBD server that tells each client the size of this moment."""
        if shutil.which("nbdkit") is None:
            raise SkipTest("there is no nbdkit")
        socket = self.directory / "nbd.sock"
        server = subprocess.Popen(
            ["nbdkit", "-f", "-U", str(socket), "file", str(path)], stdin=subprocess.DEVNULL
        )
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return socket

    @deferred
    async def test_grows(self) -> None:
        """A volume that grew is grown in the guest, twice, while it writes, and nothing is lost."""
        drive = self.disk("a", size_mib=4)
        socket = self.serve(Path(drive.path))
        await self.until(socket.exists)
        node = await self.node()
        await node.start(self.linux(drives=(NbdDrive(str(socket), "", uuid=DISK_A),)))
        shell = await self.shell(node)
        await shell.run(
            "mkdir -p /mnt; n=0; (while [ ! -e /stop ]; do n=$((n+1)); echo $n >/n;"
            " dd if=/n of=/dev/vda bs=512 seek=$n count=1 conv=fsync,notrunc 2>/dev/null"
            " || touch /failed; done) &"
        )
        for size_mib in (8, 12):
            os.truncate(drive.path, size_mib * MIB)
            await node.resize_drive("one", DISK_A, size_mib * MIB)
            size = await shell.run(
                WAIT.format(f"[ $(cat /sys/block/vda/size) = {size_mib * 2048} ]")
                + "cat /sys/block/vda/size"
            )
            self.assertEqual(size, str(size_mib * 2048))
        last = int(await shell.run("touch /stop; sleep 1; [ ! -e /failed ] && cat /n"))
        self.assertGreater(last, 3)
        content = Path(drive.path).read_bytes()
        for number in range(1, last + 1):
            self.assertEqual(int(content[number * 512 :].split(b"\n", 1)[0]), number)
