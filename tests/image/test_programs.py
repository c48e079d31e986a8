"""
The guest has what scripts for other systems call: sudo, mkfs, lsblk, blkid, nc.  The commands are
those of Tempest's remote_client.py.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.image import config_drive
from tests.image.guest import Guest, image, new_key, why_not

DISK_BYTES = 64 * 2**20
PROLOGUE = "set -eu -o pipefail; PATH=$PATH:/sbin:/usr/sbin; "


class ProgramTests(SynchronousTestCase):
    """A guest with a config drive that brings a file, and an empty disk."""

    skip = why_not()
    timeout = 600

    def test_what_tempest_calls(self) -> None:
        """Files are there, disks are listed, formatted and mounted, nc serves many callers."""
        with Guest(self.folder(), *self.drives()) as guest:
            guest.await_text("synnefo-guest: ready")
            self.assertEqual(guest.ssh("cat /etc/given.txt"), "given to the guest")
            self.assertEqual(
                guest.ssh(f"{PROLOGUE} blkid -L config-2 -o device").strip(), "/dev/vdb"
            )
            self.assertIn(f"{DISK_BYTES}  0 disk", guest.ssh(f"{PROLOGUE} lsblk -lb --nodeps"))
            for kind in ("vfat", "ext4"):
                with self.subTest(kind):
                    self.file_system(guest, kind)
            for udp in ("", "-u"):
                with self.subTest(udp):
                    self.echoes(guest, udp)

    def folder(self) -> Path:
        folder = self._folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        shutil.copyfile(image(), folder / "disk.raw")
        return folder

    def drives(self) -> list[str]:
        told = {
            "uuid": "one",
            "public_keys": {"mine": new_key(self._folder)},
            "files": [{"path": "/etc/given.txt", "content_path": "/content/0000"}],
        }
        drive, empty = self._folder / "config.iso", self._folder / "empty.raw"
        metadata = {"meta_data.json": json.dumps(told).encode()}
        config_drive.write(drive, metadata, b"given to the guest")
        with empty.open("wb") as file:
            file.truncate(DISK_BYTES)
        return [
            *("-drive", f"file={drive},if=virtio,format=raw,readonly=on"),
            *("-drive", f"file={empty},if=virtio,format=raw"),
        ]

    def file_system(self, guest: Guest, kind: str) -> None:
        guest.ssh(f"{PROLOGUE} sudo mkfs -t {kind} /dev/vdc")
        guest.ssh(f"{PROLOGUE} sudo mount /dev/vdc /mnt")
        guest.ssh(f'{PROLOGUE} sudo sh -c "date > /mnt/timestamp; sync"')
        guest.ssh(f"{PROLOGUE} sudo umount /mnt && sudo mount /dev/vdc /mnt")
        self.assertIn("UTC", guest.ssh(f"{PROLOGUE} sudo cat /mnt/timestamp"))
        guest.ssh(f"{PROLOGUE} sudo umount /mnt")

    def echoes(self, guest: Guest, udp: str) -> None:
        guest.ssh(f"{PROLOGUE} sudo nc {udp} -p 84 -lk -e echo foolish &")
        for _ in range(2):
            said = guest.ssh(f'{PROLOGUE} sleep 1; echo "bar" | nc -w 1 {udp} 127.0.0.1 84')
            self.assertEqual(said, "foolish\n")
