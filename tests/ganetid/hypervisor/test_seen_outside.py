"""What guests' parameters do, seen from outside of QEMU: threads, memory, sockets, taps."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS
from ganetid.hypervisor.nics import net_backend
from ganetid.hypervisor.unprivileged import Identity, may_use_vhost
from ganetid.hypervisor.values import Guest, TapNic
from ganetid.network.from_cluster import port_of
from ganetid.network.state import Place
from ganetid.network.tap_plan import make_tap
from tests.ganetid.hypervisor.bench import NIC_A, QemuTestCase, deferred
from tests.ganetid.os.system import INSTANCE
from tests.live.linux_guest import Shell

HUGE_PAGES = Path("/proc/sys/vm/nr_hugepages")
NEEDED = 40  # of 2 MiB, for a guest of 64 MiB


def firmware_alone(**changes: Any) -> Guest:
    """A guest whose firmware is all that runs."""
    return Guest("one", "00000000-0000-0000-0000-000000000001", 64, 2, **changes)


class ProcessorTests(QemuTestCase):
    """cpu_mask."""

    def affinities(self, pid: int) -> list[set[int]]:
        """Where each thread of a process may run."""
        return [os.sched_getaffinity(int(each)) for each in os.listdir(f"/proc/{pid}/task")]

    @deferred
    async def test_pinned(self) -> None:
        """Each processor of the guest runs where its mask says; QEMU's other threads anywhere."""
        everywhere = os.sched_getaffinity(0)
        if len(everywhere) < 2:
            raise SkipTest("there is one processor only")
        first, second, *_ = sorted(everywhere)
        node = await self.node()
        await node.start(firmware_alone(hvparams={"cpu_mask": f"{first}:{second}"}))
        found = self.affinities(self.pid(node))
        self.assertEqual((found.count({first}), found.count({second})), (1, 1))
        self.assertEqual({frozenset(each) for each in found} - {frozenset({first}),
                         frozenset({second})}, {frozenset(everywhere)})  # fmt: skip
        await node.clear("one")
        await node.start(firmware_alone(hvparams={"cpu_mask": str(second)}))
        self.assertEqual(self.affinities(self.pid(node)).count({second}), 2)


class MemoryTests(QemuTestCase):
    """mem_path."""

    def huge_pages(self) -> Path:
        """A directory whose files are of huge pages; given back afterwards."""
        place = self.directory / "huge"
        place.mkdir()
        before = HUGE_PAGES.read_text()
        try:
            HUGE_PAGES.write_text(str(int(before) + NEEDED))
            self.addCleanup(HUGE_PAGES.write_text, before)
            subprocess.run(["mount", "-t", "hugetlbfs", "none", str(place)], check=True,
                           capture_output=True)  # fmt: skip
        except (OSError, subprocess.CalledProcessError) as error:
            raise SkipTest(f"this machine gives no huge pages: {error}") from error
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)], check=True)
        if int(HUGE_PAGES.read_text()) < int(before) + NEEDED:
            raise SkipTest("this machine has no memory for huge pages")
        return place

    @deferred
    async def test_huge_pages(self) -> None:
        """All the guest's memory is in huge pages, taken when it starts."""
        place = self.huge_pages()
        node = await self.node()
        await node.start(firmware_alone(hvparams={"mem_path": str(place)}))
        text = Path(f"/proc/{self.pid(node)}/smaps_rollup").read_text()
        used = next(line.split()[1] for line in text.splitlines() if "Private_Hugetlb" in line)
        self.assertEqual(int(used), 64 * 1024)


class SpiceTests(QemuTestCase):
    """spice_*."""

    def greeting(self, address: tuple[str, int] | str) -> bytes:
        """What a server of SPICE says to a client that wants the main channel; blocks."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as link:
            link.settimeout(20)
            link.connect(address)
            wish = struct.pack("<IBBIII", 0, 1, 0, 0, 0, 18)
            link.sendall(b"REDQ" + struct.pack("<III", 2, 2, len(wish)) + wish)
            return link.recv(4)

    @deferred
    async def test_port(self) -> None:
        """At the instance's port, with a password that is in no list of processes."""
        secret = self.directory / "password"
        secret.write_text("s3cret\n")
        hvparams = {
            "spice_bind": "127.0.0.1", "spice_ip_version": 4, "spice_image_compression": "glz",
            "spice_jpeg_wan_compression": "auto", "spice_streaming_video": "filter",
            "spice_zlib_glz_wan_compression": "never", "spice_playback_compression": False,
            "spice_password_file": str(secret), "use_guest_agent": True,
        }  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        node = await self.node()
        await node.start(firmware_alone(hvparams=hvparams, vnc_port=port))
        place = node.console("one")
        self.assertEqual((place.vnc, place.spice_host, place.spice_port), (None, "127.0.0.1", port))
        self.assertEqual(await deferToThread(self.greeting, ("127.0.0.1", port)), b"REDQ")
        known = await node.runs.alive["one"].ask("query-spice")
        self.assertEqual(known["auth"], "spice")
        words = Path(f"/proc/{self.pid(node)}/cmdline").read_bytes()
        self.assertNotIn(b"s3cret", words)
        self.assertNotIn(b"-vnc", words)

    @deferred
    async def test_socket(self) -> None:
        """At a socket in a directory; found again after a restart."""
        node = await self.node()
        hvparams = {"spice_bind": str(self.directory), "spice_use_vdagent": False}
        await node.start(firmware_alone(hvparams=hvparams))
        path = f"{self.directory}/one.spice"
        self.assertEqual(node.console("one").spice, path)
        self.assertEqual(await deferToThread(self.greeting, path), b"REDQ")
        await node.close()
        node = await self.node("node", "one")
        self.assertEqual(node.console("one").spice, path)


class QueueTests(QemuTestCase):
    """virtio_net_queues, on a tap in a network namespace, of a guest without rights."""

    user = "auto"

    def namespace(self) -> str:
        """One with a tap "q0" of many queues; removed afterwards."""
        name = f"t-q{os.getpid()}"
        if os.geteuid() != 0 or shutil.which("ip") is None or not Path("/dev/net/tun").exists():
            raise SkipTest("taps can't be made")
        try:
            subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            raise SkipTest("network namespaces can't be made") from error
        self.addCleanup(subprocess.run, ["ip", "netns", "delete", name], check=True)
        instance = evolve(INSTANCE, hvparams={"virtio_net_queues": 2})
        port = port_of(instance, instance.nics[0], {})
        lines = make_tap(Place("q0", 1, port, None, 0, 0, "", "", False), {})
        subprocess.run(["ip", "-n", name, "-batch", "-"], check=True, input="\n".join(lines),
                       text=True)  # fmt: skip
        return name

    @deferred
    async def test_queues(self) -> None:
        """A guest with two processors has two pairs of queues."""
        nic = TapNic("52:54:00:00:00:09", "q0", uuid=NIC_A, queues=2)
        guest = evolve(self.linux(nics=(nic,), namespace=self.namespace()), vcpus=2)
        node = await self.node()
        await node.start(guest)
        shell: Shell = await self.shell(node)
        found = await shell.run("ls -d /sys/class/net/eth0/queues/*x-* | wc -l")
        self.assertEqual(int(found), 4)


class VhostTests(SynchronousTestCase):
    """vhost_net."""

    def backend(self, nic: TapNic, **hvparams: Any) -> Any:
        return net_backend("n", nic, {**KVM_DEFAULTS, **hvparams})

    def test_wanted(self) -> None:
        """The kernel carries packets of paravirtual NICs, unless the parameter is off."""
        nic = TapNic("52:54:00:00:00:09", "q0", vhost=True)
        self.assertTrue(self.backend(nic)["vhost"])
        for missing in (
            self.backend(nic, vhost_net=False),
            self.backend(nic, nic_type="e1000"),
            self.backend(evolve(nic, vhost=False)),
        ):
            self.assertNotIn("vhost", missing)

    def test_usable(self) -> None:
        """Only where the guest's user may open it: QEMU would not start."""
        device = Path(self.mktemp())
        self.assertFalse(may_use_vhost(None, device))
        device.touch(mode=0o600)
        self.assertTrue(may_use_vhost(None, device))
        self.assertFalse(may_use_vhost(Identity(58000, 58000), device))
        device.chmod(0o666)
        self.assertTrue(may_use_vhost(Identity(58000, 58000), device))
