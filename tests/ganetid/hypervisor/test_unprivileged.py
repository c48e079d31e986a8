"""What a guest's process may do on this machine, seen from outside and tried as its user."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.hypervisor.command_line import Machine, whole
from ganetid.hypervisor.unprivileged import POOL, Identity, Unreachable, check_reach, choose
from ganetid.hypervisor.values import FileDrive, Guest, TapNic
from ganetid.opcodes.errors import HypervisorError
from tests.ganetid.hypervisor.bench import DISK_B, NIC_A, QemuTestCase, deferred

NAMESPACE = "t-kvm-taps"


def status(pid: int) -> dict[str, str]:
    """/proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


class ConfinedTests(QemuTestCase):
    """As root's ganetid runs guests."""

    user = "auto"

    def setUp(self) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root can give guests users of their own")
        super().setUp()

    @deferred
    async def test_without_rights(self) -> None:
        """
        No root, no capabilities, nothing to gain by setuid programs, a system call filter, a bound
        on memory, no core dumps; and each guest another user.
        """
        node = await self.node()
        pids = []
        for name in ("one", "two"):
            await node.start(self.linux(name, drives=(self.disk(name),), memory_mib=128))
            pids.append(self.pid(node, name))
        users = set()
        for pid in pids:
            said = status(pid)
            users.add(said["Uid"])
            self.assertIn(int(said["Uid"].split()[0]), POOL)
            self.assertEqual(set(said["Uid"].split()), set(said["Gid"].split()))
            self.assertEqual(said["Groups"], "")
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd"):
                self.assertEqual(int(said[kind], 16), 0, kind)
            self.assertEqual((said["NoNewPrivs"], said["Seccomp"]), ("1", "2"))
            limits = Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            bound = re.search(r"Max data size +\d+ +(\d+) ", limits)
            assert bound is not None
            self.assertTrue(128 << 20 < int(bound[1]) < 2 << 30)
            self.assertEqual(os.getsid(pid), pid)
        self.assertEqual(len(users), 2)

    @deferred
    async def test_cannot_reach_others(self) -> None:
        """What gets out of a guest finds no file or socket of another guest, nor of ganetid."""
        node = await self.node()
        for name in ("one", "two"):
            await node.start(self.linux(name, drives=(self.disk(name),)))
        uid = int(status(self.pid(node, "one"))["Uid"].split()[0])
        own, other = node.places("one"), node.places("two")
        for path, mode in (
            (other.qmp, "w"), (other.serial, "w"), (other.vnc, "w"), (other.serial_log, "r"),
            (str(self.directory / "two"), "r"), (other.started, "r"), (own.qmp, "w"),
            (own.started, "r"),
        ):  # fmt: skip
            self.assertFalse(self.may(uid, mode, path), path)
        self.assertTrue(self.may(uid, "w", str(self.directory / "one")))
        # What it owns itself it can't replace by a way to something else.
        self.assertTrue(self.may(uid, "w", own.vnc))
        self.assertFalse(self.may(uid, "w", own.directory))
        self.assertTrue(self.may(uid, "w", own.own))

    def may(self, uid: int, mode: str, path: str) -> bool:
        """Whether this user can read or write there."""
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return subprocess.run([*command, "test", f"-{mode}", path], check=False).returncode == 0

    @deferred
    async def test_tap(self) -> None:
        """A tap is given to the guest's user, at the start and when it is plugged."""
        self.network("tap-one", "tap-two")
        node = await self.node()
        nic = TapNic("52:54:00:00:00:01", "tap-one")
        await node.start(self.linux(nics=(nic,), namespace=NAMESPACE))
        plugged = TapNic("52:54:00:00:00:02", "tap-two", uuid=NIC_A)
        await node.plug_nic("one", plugged, 1)
        used = await node.statistics("one")
        self.assertEqual([each.tap for each in used.nics], ["tap-one", "tap-two"])
        self.assertIn(int(status(self.pid(node))["Uid"].split()[0]), POOL)

    def network(self, *taps: str) -> None:
        def ip(*words: str) -> None:
            subprocess.run(["ip", *words], check=True)

        try:
            ip("netns", "add", NAMESPACE)
        except (OSError, subprocess.CalledProcessError):
            raise SkipTest("there can be no network namespaces") from None
        self.addCleanup(ip, "netns", "delete", NAMESPACE)
        for tap in taps:
            ip("-n", NAMESPACE, "tuntap", "add", tap, "mode", "tap")
            ip("-n", NAMESPACE, "link", "set", tap, "up")

    @deferred
    async def test_plugged_disk(self) -> None:
        """A disk that is plugged is given to the guest's user as well."""
        node = await self.node()
        await node.start(self.linux())
        drive = self.disk("b", DISK_B)
        await node.plug_drive("one", drive, 0)
        self.assertIn(Path(drive.path).stat().st_uid, POOL)

    @deferred
    async def test_out_of_reach(self) -> None:
        """With auto a guest whose files its user can't reach runs as ganetid; else it doesn't."""
        self.directory.chmod(0o700)
        node = await self.node()
        await node.start(self.linux())
        self.assertEqual(status(self.pid(node))["Uid"].split()[0], "0")
        await node.stop("one", 0)
        self.user = f"{POOL[0]}-{POOL[-1]}"
        why = await self.refused(node.start(self.linux()))
        self.assertIn(str(self.directory), why)
        self.assertEqual(node.kept(), frozenset())

    @deferred
    async def test_opened_way(self) -> None:
        """Through ganetid's own directory the user finds its files; all else there is closed."""
        home = self.directory / "home"
        for each in (home, home / "disks", home / "disks" / "one", home / "keys", home / "node"):
            each.mkdir(mode=0o755)
        home.chmod(0o700)
        (home / "cluster.db").write_text("secrets")
        (home / "cluster.db").chmod(0o644)
        self.home = str(home)
        disk = FileDrive(str(self.disk("home/disks/one/d").path))
        Path(disk.path).chmod(0o644)
        node = await self.node("home/node")
        await node.start(self.linux(drives=(disk,)))
        uid = int(status(self.pid(node))["Uid"].split()[0])
        self.assertIn(uid, POOL)
        modes = {each.name: oct(each.stat().st_mode & 0o777) for each in home.iterdir()}
        self.assertEqual((modes["cluster.db"], modes["keys"]), ("0o600", "0o700"))
        self.assertEqual(home.stat().st_mode & 0o777, 0o711)
        self.assertTrue(self.may(uid, "w", disk.path))
        self.assertFalse(self.may(uid + 1, "r", disk.path))
        for path in (home / "cluster.db", home, home / "keys"):
            self.assertFalse(self.may(uid, "r", str(path)), path)

    @deferred
    async def test_as_one_user(self) -> None:
        """A guest's own security_model counts first."""
        node = await self.node()
        parameters = {"security_model": "user", "security_domain": "nobody"}
        await node.start(self.linux(hvparams=parameters))
        self.assertEqual(status(self.pid(node))["Uid"].split()[0], "65534")
        await node.stop("one", 0)
        parameters["security_domain"] = "no-such-user"
        why = await self.refused(node.start(self.linux(hvparams=parameters)))
        self.assertIn("no-such-user", why)


class ChoiceTests(SynchronousTestCase):
    """Which user a guest gets."""

    def setUp(self) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root can give guests users of their own")
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def choice(self, user: str, **hvparams: str) -> Identity | None:
        guest = whole(Guest("a", "u", 64, 1, hvparams=hvparams))
        return choose(guest, Machine("qemu", "tcg", user=user), self.directory)

    def test_pool(self) -> None:
        """The first number that no other guest has; when there is none, no guest starts."""
        taken = self.directory / "other" / "own"
        taken.mkdir(parents=True)
        os.chown(taken, 58000, 58000)
        self.assertEqual(self.choice("58000-58001"), Identity(58001, 58001))
        os.chown(taken, 58001, 58001)
        self.assertEqual(self.choice("auto"), Identity(58000, 58000))
        self.assertRaises(HypervisorError, self.choice, "58001-58001")

    def test_none(self) -> None:
        """Without users of their own; but a guest may ask for one."""
        self.assertIsNone(self.choice("none"))
        self.assertEqual(self.choice("none", security_model="pool"), Identity(58000, 58000))

    def test_reach(self) -> None:
        """Each directory on the way must let the user through, and what is at its end too."""
        home = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, home)
        home.chmod(0o711)
        socket = home / "nbd.sock"
        socket.touch(mode=0o600)
        me = Identity(58000, 58000)
        parents = [each for each in home.parents if not each.stat().st_mode & 0o001]
        if parents:
            raise SkipTest(f"{parents[0]} lets nobody through")
        check_reach(socket, me)
        self.assertRaises(Unreachable, check_reach, socket, me, 0o002)
        socket.chmod(0o666)
        check_reach(socket, me, 0o002)
        home.chmod(0o700)
        self.assertRaises(Unreachable, check_reach, socket, me)
