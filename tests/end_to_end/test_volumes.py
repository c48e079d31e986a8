"""
A volume in a real guest: plugged while that runs, written to, kept in a snapshot, made larger,
taken out, and read again in another volume.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.end_to_end.journey import Journey
from tests.live.cloud import AllInOne, eventually, guest_image

GIB = 1024**3


class VolumeTests(TestCase):
    """One guest on the newcomer's cloud."""

    timeout = 240

    def setUp(self) -> Any:
        self.image = guest_image()
        self.cloud = AllInOne(None)
        self.addCleanup(deferToThread, self.cloud.end)
        return deferToThread(self.cloud.begin)

    def test_a_volume_in_a_guest(self) -> Any:
        """What the guest writes is the volume's, whoever has it next."""
        return deferToThread(self._use)

    def _use(self) -> None:
        self.journey = Journey(self.cloud)
        self.volumes = self.journey.conn.block_storage
        key = self.journey.make_key()
        self.server = self.journey.boot(self.journey.upload(self.image), key)
        if not self.cloud.can_tap:
            return
        self.address = self.journey.address(self.server)
        eventually(lambda: self.journey.banner(self.address), 60, "SSH greets")
        before = self._disks()
        first = self._volume(name="first")
        disk = self._attach(first, before)
        self.assertEqual(self._size(disk), GIB)
        self._says(f"echo written > /dev/{disk} && sync")
        snapshot = self.volumes.create_snapshot(volume_id=first.id, force=True)
        self._is(self.volumes.get_snapshot, snapshot, "available")
        self._says(f"echo changed > /dev/{disk} && sync")
        self.volumes.extend_volume(first.id, 2)
        eventually(lambda: self._size(disk) == 2 * GIB, 30, "the guest sees a larger disk")
        self._is(self.volumes.get_volume, first, "in-use")
        self._detach(first, before)
        second = self._volume(name="second", snapshot_id=snapshot.id)
        self._reads(self._attach(second, before), "written")
        self._detach(second, before)
        self._reads(self._attach(first, before), "changed")
        self._outlives(first)

    def _volume(self, **fields: Any) -> Any:
        volume = self.volumes.create_volume(size=1, **fields)
        return self._is(self.volumes.get_volume, volume, "available")

    def _is(self, get: Any, thing: Any, status: str) -> Any:
        def there() -> Any:
            found = get(thing.id)
            return found if found.status == status else None

        try:
            return eventually(there, 30, f"{thing.id} is {status}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.cloud.logs()}") from None

    def _attach(self, volume: Any, before: set[str]) -> str:
        """The guest's name of the new disk."""
        self.journey.conn.compute.create_volume_attachment(self.server, volume_id=volume.id)
        self._is(self.volumes.get_volume, volume, "in-use")
        [disk] = eventually(lambda: self._disks() - before, 20, "the guest sees a disk")
        return str(disk)

    def _detach(self, volume: Any, before: set[str]) -> None:
        self.journey.conn.compute.delete_volume_attachment(self.server, volume.id)
        self._is(self.volumes.get_volume, volume, "available")
        self.assertEqual(self._disks(), before)

    def _reads(self, disk: str, text: str) -> None:
        self.assertEqual(self._says(f"head -c {len(text)} /dev/{disk}"), text)

    def _outlives(self, volume: Any) -> None:
        """A server that goes leaves the volume; then that goes too, and nothing is left of it."""
        self.journey.delete(self.server)
        self._is(self.volumes.get_volume, volume, "available")
        for one in self.volumes.volumes():
            self.volumes.delete_volume(one.id, cascade=True, force=False)
        eventually(lambda: not list(self.volumes.volumes()), 30, "no volume is left")
        self.assertEqual(list(self.volumes.snapshots()), [])
        self.assertEqual(self.cloud.held_reactors(), [])

    def _disks(self) -> set[str]:
        return set(self._says("ls /sys/block | grep vd").split())

    def _size(self, disk: str) -> int:
        return int(self._says(f"cat /sys/block/{disk}/size")) * 512

    def _says(self, command: str) -> str:
        return self.journey.ssh(self.address, command).strip()
