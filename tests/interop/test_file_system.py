"""
A file system on a volume: nbdfuse shows the export as a file, the kernel mounts that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from twisted.internet.threads import deferToThread

from tests.archipelagod.running import MIB, Program, reactor, until
from tests.interop.peers import InteropCase

TOOLS = ("nbdfuse", "losetup", "mkfs.ext4", "e2fsck", "mount", "fstrim")


def hindrance() -> str | None:
    """
    Why it can't be tried here.
    """
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {' '.join(missing)}"
    if os.geteuid():
        return "needs root, to mount"
    if not os.access("/dev/fuse", os.W_OK) or not os.access("/dev/loop-control", os.W_OK):
        return "needs /dev/fuse and loop devices"
    found = subprocess.run(["losetup", "-f"], capture_output=True, check=False)
    return None if not found.returncode else "no loop device can be had"


class FileSystemTests(InteropCase):
    """ext4 over loop over nbdfuse."""

    size = 256 * MIB
    timeout = 180
    if hindrance() is not None:
        skip = hindrance()

    async def test_ext4(self) -> None:
        """Made, filled, trimmed, and found clean and unchanged after the daemon was killed."""
        daemon = self.spawn()
        client = await self.up(daemon)
        await client.create("v", self.size)
        await client.close()
        await self.shown()
        self.device = await self.good("losetup", "-f", "--show", f"{self.directory}/fuse/nbd")
        self.device = self.device.strip()
        await self.good("mkfs.ext4", "-q", self.device)
        data = os.urandom(32 * MIB)
        await self.mounted()
        await deferToThread(self.fill, data)
        await self.good("fstrim", f"{self.directory}/mount")
        await self.unmount()
        await self.good("e2fsck", "-f", "-n", self.device)
        await self.hide()
        await self.kill(daemon)
        await (await self.up(self.spawn())).close()
        await self.shown()
        self.device = await self.good("losetup", "-f", "--show", f"{self.directory}/fuse/nbd")
        self.device = self.device.strip()
        await self.good("e2fsck", "-f", "-n", self.device)
        await self.mounted()
        self.assertTrue(Path(f"{self.directory}/mount/first").read_bytes() == data)
        self.assertEqual(len(os.listdir(f"{self.directory}/mount/many")), 300)
        await self.unmount()
        await self.hide()

    async def shown(self) -> None:
        """The export as a file."""
        folder = f"{self.directory}/fuse"
        os.makedirs(folder, exist_ok=True)
        self.program = Program()
        command = ("nbdfuse", folder, self.uri("v"))
        reactor.spawnProcess(self.program, shutil.which("nbdfuse"), command, env=os.environ)
        self.addCleanup(self.kill, self.program)
        self.addCleanup(subprocess.run, ["umount", "-lq", folder], check=False)
        await until(Path(f"{folder}/nbd").exists, "nbdfuse shows the file")

    async def hide(self) -> None:
        """Undoes ``shown`` and the loop device."""
        await self.good("losetup", "-d", self.device)
        await self.good("umount", f"{self.directory}/fuse")
        await self.program.ended

    async def mounted(self) -> None:
        """The file system."""
        folder = f"{self.directory}/mount"
        os.makedirs(folder, exist_ok=True)
        self.addCleanup(subprocess.run, ["losetup", "-d", self.device], stderr=-3, check=False)
        self.addCleanup(subprocess.run, ["umount", "-lq", folder], check=False)
        await self.good("mount", self.device, folder)

    async def unmount(self) -> None:
        """Undoes ``mounted``."""
        await self.good("umount", f"{self.directory}/mount")

    def fill(self, data: bytes) -> None:
        """Large and small files; some go again."""
        root = Path(f"{self.directory}/mount")
        (root / "first").write_bytes(data)
        (root / "gone").write_bytes(data)
        (root / "many").mkdir()
        for number in range(300):
            (root / "many" / str(number)).write_bytes(data[: number * 50])
        (root / "gone").unlink()
        os.sync()
