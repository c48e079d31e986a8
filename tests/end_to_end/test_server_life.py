"""
A real guest is paused, put to sleep, imaged, rescued, resized, rebuilt and shelved, as its user
asks.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.end_to_end.journey import Journey
from tests.live.cloud import AllInOne, eventually, guest_image


class ServerLifeTests(TestCase):
    """One guest on the newcomer's cloud."""

    timeout = 300

    def setUp(self) -> Any:
        self.image = guest_image()
        self.cloud = AllInOne(None)
        self.addCleanup(deferToThread, self.cloud.end)
        return deferToThread(self.cloud.begin)

    def test_a_life(self) -> Any:
        """Each action does to the guest what it says; what was written stays until a rebuild."""
        return deferToThread(self._live)

    def _live(self) -> None:
        self.journey = Journey(self.cloud)
        self.compute = self.journey.conn.compute
        key = self.journey.make_key()
        self.made_of = self.journey.upload(self.image)
        self.server = self.journey.boot(self.made_of, key)
        if not self.cloud.can_tap:
            return
        self.address = self.journey.address(self.server)
        self._greets()
        self._says("echo kept > /root/note && sync")
        for step in (self._pause, self._sleep, self._snapshot, self._rescue, self._resize):
            begun = time.monotonic()
            step()
            print(f"\n{step.__name__}: {time.monotonic() - begun:.1f} s", end="")
        self._rebuild()
        self._shelve()
        self.journey.delete(self.server)

    def _pause(self) -> None:
        """Its clock stands."""
        self.compute.pause_server(self.server)
        self._becomes("PAUSED")
        self.assertFalse(self.journey.banner(self.address, within_s=3))
        self.compute.unpause_server(self.server)
        self._becomes("ACTIVE")
        self.assertEqual(self._says("cat /root/note"), "kept")

    def _sleep(self) -> None:
        """Its process ends, and it goes on where it was: the same boot."""
        boot = self._says("cat /proc/sys/kernel/random/boot_id")
        self.compute.suspend_server(self.server)
        self._becomes("SUSPENDED")
        eventually(lambda: not self.cloud.guests(), 10, "no guest runs")
        self.compute.resume_server(self.server)
        self._becomes("ACTIVE")
        self._greets()
        self.assertEqual(self._says("cat /proc/sys/kernel/random/boot_id"), boot)

    def _snapshot(self) -> None:
        """An image of its disk as it is."""
        image = self.compute.create_server_image(self.server.id, "kept", wait=True, timeout=30)
        self.assertEqual(image.status, "active")
        self.kept = image

    def _rescue(self) -> None:
        """
        Another disk comes first, with its own behind that; then it has its own alone again.  Both
        are of one image, and the guest takes whichever it finds by its label.
        """
        self.compute.rescue_server(self.server, image_ref=self.made_of.id)
        self._becomes("RESCUE")
        self._greets()
        self.assertEqual(self._disks(), ["vda", "vdb", "vdc"])
        self.assertIn("/dev/vdc2 on / ", self._says("mount"))
        other = self._says("mkdir /run/b && mount -o ro,noload /dev/vdb2 /run/b && ls /run/b/root")
        self.assertNotIn("note", other)
        self.compute.unrescue_server(self.server)
        self._becomes("ACTIVE")
        self._greets()
        self.assertEqual(self._disks(), ["vda", "vdb"])
        self.assertEqual(self._says("cat /root/note"), "kept")

    def _resize(self) -> None:
        """More processors; the disk grows when that is confirmed."""
        flavor = self.compute.find_flavor("small", ignore_missing=False)
        sectors = int(self._says("cat /sys/block/vdb/size"))
        self.compute.resize_server(self.server, flavor.id)
        self._becomes("VERIFY_RESIZE")
        self._greets()
        self.assertEqual(int(self._says("grep -c ^processor /proc/cpuinfo")), flavor.vcpus)
        self.compute.confirm_server_resize(self.server)
        self._becomes("ACTIVE")
        if flavor.disk * 1024**3 > sectors * 512:
            self.assertEqual(
                int(self._says("cat /sys/block/vdb/size")) * 512, flavor.disk * 1024**3
            )

    def _rebuild(self) -> None:
        """From the image that was made of it: what was written by then is there."""
        self._says("echo lost > /root/other && sync")
        self.compute.rebuild_server(self.server, image=self.kept.id, admin_password="x")
        self._becomes("ACTIVE")
        self._greets()
        self.assertEqual(
            self._says("cat /root/note; test -e /root/other || echo gone"), "kept\ngone"
        )

    def _shelve(self) -> None:
        """It leaves its node, and comes again with its disk and its address."""
        self._says("echo shelf > /root/shelf && sync")
        self.compute.shelve_server(self.server)
        self._becomes("SHELVED_OFFLOADED")
        eventually(lambda: not self.cloud.guests(), 10, "no guest runs")
        self.compute.unshelve_server(self.server)
        self._becomes("ACTIVE")
        self._greets()
        self.assertEqual(self._says("cat /root/shelf"), "shelf")

    def _disks(self) -> list[str]:
        """The config drive is the first one."""
        return self._says("ls /sys/block | grep vd").split()

    def _becomes(self, status: str) -> None:
        self.server = self.journey.wait_for(self.server, status, 60)

    def _greets(self) -> None:
        eventually(lambda: self.journey.banner(self.address), 60, "SSH greets")

    def _says(self, command: str) -> str:
        return self.journey.ssh(self.address, command).strip()
