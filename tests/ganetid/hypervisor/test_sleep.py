"""A real Linux sleeps and goes on: nothing of what it had in memory is lost."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import evolve

from ganetid.hypervisor.values import UserNic
from tests.ganetid.hypervisor.bench import DISK_A, NIC_A, QemuTestCase, deferred


class SleepTests(QemuTestCase):
    """Of guests with disks and NICs, each a user of its own where we are root."""

    user = "auto" if os.geteuid() == 0 else "none"

    @deferred
    async def test_goes_on(self) -> None:
        """Programs go on, also what was plugged is there, though the node was started anew."""
        node = await self.node()
        guest = self.linux(drives=(self.disk("a", DISK_A),))
        await node.start(guest)
        shell = await self.shell(node)
        nic = UserNic("52:54:00:00:00:09", uuid=NIC_A)
        await node.plug_nic("one", nic, 1)
        await shell.run("mount -t tmpfs t /tmp; echo kept > /tmp/word; (while true; do date +%s"
                        " >/tmp/now; sleep 0.1; done) & echo $! > /tmp/pid")  # fmt: skip
        memory = self.directory / "memory"
        await node.suspend("one", memory)
        self.assertEqual((node.state("one"), node.kept()), (None, frozenset()))
        self.assertEqual(memory.stat().st_mode & 0o777, 0o600)
        await node.close()
        node = await self.node("node", "one")
        await node.wake(evolve(guest, nics=(nic,)), memory)
        shell = await self.shell(node, is_new=False)
        said = await shell.run("cat /tmp/word; kill -0 $(cat /tmp/pid) && echo lives")
        self.assertIn("kept", said)
        self.assertIn("lives", said)
        self.assertEqual(await node.devices("one"), {DISK_A[:18], NIC_A[:18]})
        self.assertEqual(self.ended, [])

    @deferred
    async def test_no_room(self) -> None:
        """A guest that can't be saved runs on; one whose memory is spoilt is not there."""
        node = await self.node()
        guest = self.linux()
        await node.start(guest)
        shell = await self.shell(node)
        why = await self.refused(node.suspend("one", self.directory / "nowhere" / "memory"))
        self.assertIn("can't be saved", why)
        self.assertIn("on", await shell.run("echo on"))
        self.assertTrue(await node.verify("one"))
        memory = self.directory / "memory"
        await node.suspend("one", memory)
        memory.write_bytes(memory.read_bytes()[: memory.stat().st_size // 2])
        await self.refused(node.wake(guest, memory))
        self.assertEqual((node.state("one"), node.kept()), (None, frozenset()))

    @deferred
    async def test_interrupt(self) -> None:
        """The guest notes an interrupt that can't be masked."""
        node = await self.node()
        await node.start(self.linux())
        shell = await self.shell(node)
        await node.interrupt("one")
        await self.until(lambda: b"NMI" in shell.seen)
        self.assertTrue(Path(node.places("one").serial_log).exists())
