"""
The image in a real QEMU: what it promises to a cloud and to its user.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from tests.image import config_drive, metadata_answer
from tests.image.guest import Guest, image, new_key, why_not

SCRIPT = b"""#!/bin/sh
echo "the user's script runs on $(hostname)"
echo ran >>/root/runs
"""
METADATA_NETWORK = "user,net=169.254.169.0/24,dhcpstart=169.254.169.15"


class BootTests(SynchronousTestCase):
    """
    Each starts a guest of its own from a fresh copy of the image.
    """

    skip = why_not()
    timeout = 600
    _log = Logger()

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        shutil.copyfile(image(), self.folder / "disk.raw")
        self.key = new_key(self.folder)

    def metadata(self, uuid: str, **more: object) -> bytes:
        """
        A meta_data.json with awkward names, as users choose them.
        """
        keys = {'my "own" / key': self.key, "ключ": "ssh-ed25519 AAAA another"}
        told = {"uuid": uuid, "hostname": "kestrel.novalocal", "public_keys": keys, **more}
        return json.dumps(told).encode()

    def drive(self, files: dict[str, bytes]) -> str:
        """
        QEMU's -drive argument for a config drive with these files.
        """
        path = self.folder / "config.iso"
        config_drive.write(path, files)
        return f"file={path},if=virtio,format=raw,readonly=on"

    def test_life_of_a_guest(self) -> None:
        """
        It runs the user's script once, lets the key in, keeps a file over a reset, and powers off.
        """
        drive = self.drive({"meta_data.json": self.metadata("one"), "user_data": SCRIPT})
        with Guest(self.folder, "-drive", drive) as guest:
            userspace_s = guest.await_text("synnefo-guest: userspace")
            marker_s = guest.await_text("the user's script runs on kestrel")
            kept = guest.ssh("echo precious >/root/kept; sync; cat /root/kept /root/runs")
            self._log.info(
                "userspace after {userspace_s:.1f} s, user's script after {marker_s:.1f} s",
                userspace_s=userspace_s,
                marker_s=marker_s,
            )
            guest.await_text("synnefo-guest: ready")
            guest.ask("system_reset")
            guest.await_text("synnefo-guest: ready", times=2)
            kept_on = guest.ssh("cat /root/kept /root/runs")
            guest.ask("system_powerdown")
            status = guest.await_exit()
        self.assertEqual((kept, kept_on, status), ("precious\nran\n", "precious\nran\n", 0))
        self.assertIn("synnefo-guest: address 10.0.2.15", guest.console())

    def test_copy_is_another_instance(self) -> None:
        """
        A disk that starts with another uuid gets other host keys and runs its user's script.
        """
        drive = self.drive({"meta_data.json": self.metadata("one"), "user_data": SCRIPT})
        with Guest(self.folder, "-drive", drive) as guest:
            guest.await_text("synnefo-guest: ready")
            guest.ssh("true")
            guest.ask("system_powerdown")
            guest.await_exit()
        first = (self.folder / "known_hosts").read_text().split()[-1]
        (self.folder / "known_hosts").unlink()
        drive = self.drive({"meta_data.json": self.metadata("two"), "user_data": SCRIPT})
        with Guest(self.folder, "-drive", drive) as guest:
            guest.await_text("synnefo-guest: ready")
            runs = guest.ssh("cat /root/runs")
        second = (self.folder / "known_hosts").read_text().split()[-1]
        self.assertEqual(runs, "ran\nran\n")
        self.assertNotEqual(first, second)

    def test_metadata_service(self) -> None:
        """
        Without a config drive the metadata service is asked.
        """
        (self.folder / "meta_data.json").write_bytes(self.metadata("one"))
        (self.folder / "user_data").write_bytes(SCRIPT)
        answer = f"{sys.executable} {metadata_answer.__file__} {self.folder}"
        forward = f"guestfwd=tcp:169.254.169.254:80-cmd:{answer}"
        with Guest(self.folder, network=f"{METADATA_NETWORK},{forward}") as guest:
            guest.await_text("the user's script runs on kestrel")
            self.assertEqual(guest.ssh("hostname"), "kestrel\n")

    def test_console_of_a_guest(self) -> None:
        """
        The administrator's password opens the console, and Ctrl-Alt-Del restarts.
        """
        secret = 'pa"ss / wörd'
        told = self.metadata("one", admin_pass=secret)
        cloud_config = b"#cloud-config\nruncmd: [ls]\n"
        drive = self.drive({"meta_data.json": told, "user_data": cloud_config})
        with Guest(self.folder, "-drive", drive) as guest:
            guest.await_text("user data is no script, ignored: #cloud-config")
            guest.await_text("kestrel login: ")
            guest.type("root\n")
            guest.await_text("Password: ")
            guest.type(f"{secret}\n")
            guest.await_text("root@kestrel:~# ")
            guest.type("echo $((6 * 7)) logged in\n")
            guest.await_text("42 logged in")
            keys = [{"type": "qcode", "data": name} for name in ("ctrl", "alt", "delete")]
            guest.ask("send-key", keys=keys)
            guest.await_text("synnefo-guest: userspace", times=2)

    def test_nothing_to_read(self) -> None:
        """
        Neither a config drive nor a metadata service nor a network: it starts, and says so.
        """
        with Guest(self.folder, network="user,restrict=on") as guest:
            guest.await_text("synnefo-guest: no config drive and no metadata service")
            guest.await_text("synnefo-guest: ready")
