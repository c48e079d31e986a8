"""What becomes of a guest is told within a second, and found again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.hypervisor.command_line import whole
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.hypervisor.states import state_of
from ganetid.hypervisor.values import FileDrive, State
from tests.ganetid.hypervisor.bench import DISK_A, MIB, QemuTestCase, deferred
from tests.live.linux_guest import Shell


class StateTests(SynchronousTestCase):
    """QEMU's words."""

    def test_every_word(self) -> None:
        """Each word of QEMU's is a state, or an instant on the way to one."""
        instants = {"finish-migrate", "prelaunch", "restore-vm", "save-vm"}
        words = [
            "debug",
            "inmigrate",
            "internal-error",
            "io-error",
            "paused",
            "postmigrate",
            "prelaunch",
            "finish-migrate",
            "restore-vm",
            "running",
            "save-vm",
            "shutdown",
            "suspended",
            "watchdog",
            "guest-panicked",
            "colo",
        ]
        self.assertEqual({word for word in words if state_of(word, False) is None}, instants)
        self.assertEqual(state_of("internal-error", False), State.CRASHED)
        self.assertEqual(state_of("paused", True), State.ARRIVED)


class ToldTests(QemuTestCase):
    """Of real guests."""

    @deferred
    async def test_disk_full(self) -> None:
        """A guest whose disk has no room left stops, and goes on when there is."""
        small = self.directory / "small"
        small.mkdir(mode=0o711)
        try:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=2m,mode=711", "t", str(small)],
                check=True, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            raise SkipTest("nothing can be mounted") from None
        self.addCleanup(subprocess.run, ["umount", "-l", str(small)], check=True)
        path = small / "disk"
        path.touch()
        os.truncate(path, 8 * MIB)
        node = await self.node()
        await node.start(self.linux(drives=(FileDrive(str(path), uuid=DISK_A),)))
        shell = await self.shell(node)
        self.changed.clear()
        shell.send("dd if=/dev/urandom of=/dev/vda bs=64k count=64 conv=fsync; echo wrote")
        await self.until(lambda: self.changed)
        self.assertEqual(self.changed[0].what, State.IO_ERROR.value)
        self.assertEqual(node.state("one"), State.IO_ERROR)
        # A restart of this process finds it so.
        await node.close()
        node = await self.node("node", "one")
        self.assertEqual(node.state("one"), State.IO_ERROR)
        subprocess.run(["mount", "-o", "remount,size=16m", str(small)], check=True)
        await node.resume("one")
        await self.until(lambda: b"wrote" in shell.seen)
        self.assertEqual(node.state("one"), State.RUNNING)

    @deferred
    async def test_within_a_second(self) -> None:
        """
        Resets by the guest, changes by other monitors, balloons: all are told soon.  What it used
        is counted.
        """
        node = await self.node()
        guest = self.linux(memory_mib=192, drives=(self.disk("a", DISK_A),))
        await node.start(evolve(guest, start_memory_mib=160))
        shell = await self.shell(node)
        await self.until(lambda: self.told()[-1:] == [("balloon", "160")], 10)
        await self._counted(node, shell)
        run = node.runs.alive["one"]
        for command, what in (("stop", "paused"), ("cont", "running")):
            self.changed.clear()
            await run.ask("human-monitor-command", command_line=command)
            await self.until(lambda: self.changed, 1)
            self.assertEqual([each.what for each in self.changed], [what])
        await node.set_memory("one", 150)
        await self.until(lambda: ("balloon", "150") in self.told(), 5)
        self.assertEqual((await node.statistics("one")).memory_mib, 150)
        self.changed.clear()
        shell.send("reboot -f")
        await self.until(lambda: self.changed)
        self.assertEqual(self.told()[0][0], "reset")
        self.assertEqual(self.ended, [])

    async def _counted(self, node: KvmHypervisor, shell: Shell) -> None:
        before = await node.statistics("one")
        await shell.run("dd if=/dev/zero of=/dev/vda bs=64k count=16 conv=fsync 2>/dev/null")
        after = await node.statistics("one")
        self.assertEqual([each.id for each in after.drives], [f"disk-{DISK_A[:18]}"])
        self.assertEqual(after.drives[0].written_bytes - before.drives[0].written_bytes, MIB)
        self.assertGreater(after.drives[0].flushes, before.drives[0].flushes)
        self.assertGreater(after.cpu_s, before.cpu_s)
        self.assertGreater(after.resident_bytes, 32 * MIB)

    def told(self) -> list[tuple[str, str]]:
        return [(each.what, each.detail) for each in self.changed]

    @deferred
    async def test_paused_guest_is_stopped(self) -> None:
        """A paused guest can be asked to power off, and obeys."""
        node = await self.node()
        await node.start(self.linux())
        shell = await self.shell(node)
        await shell.run(
            "for e in /dev/input/event*; do"
            " (dd if=$e bs=24 count=1 of=/dev/null 2>/dev/null && poweroff -f) & done"
        )
        await node.pause("one")
        self.assertTrue(await node.stop("one", 30))
        self.assertEqual(self.ended, [])

    @deferred
    async def test_exit_on_reboot(self) -> None:
        """With reboot_behavior exit a guest ends when it reboots itself, not when it is reset."""
        node = await self.node()
        await node.start(self.linux(hvparams={"reboot_behavior": "exit"}))
        shell = await self.shell(node)  # a BIOS that is reset in its first instants may hang
        await node.reset("one")
        self.assertIn("reset", [each.what for each in self.changed])
        await self.until(lambda: b"==ready==" in shell.seen, 60)
        self.assertEqual(self.ended, [])
        shell.send("reboot -f")
        await self.until(lambda: self.ended)
        self.assertEqual((self.ended[0].by_guest, self.ended[0].reason), (True, "guest-reset"))

    @deferred
    async def test_killed_while_starting(self) -> None:
        """A QEMU that was started but never let its guest run is ended by the next life."""
        node = await self.node()
        guest = self.linux()
        await node.runs.launch(whole(guest), is_incoming=False)
        pid = node.runs.alive["one"].process.pid
        await node.close()
        node = await self.node("node", "one")
        self.assertEqual((node.running(), node.kept()), (frozenset(), frozenset()))
        await self.until(lambda: not _lives(pid))
        await node.start(guest)
        self.assertTrue(await node.verify("one"))


def _lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
