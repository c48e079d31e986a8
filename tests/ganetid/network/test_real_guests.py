"""
Real QEMUs with Linux inside, of two tenants on one node: what they try on each other fails.

The guests' shells are on their serial ports; what they do is typed there.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from ganetid.guest.metadata import documents
from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.interface import Guest
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.network.ports import NetworkPlan, NicQos, PortPlan, SecurityRule
from tests.ganetid.network.lab import NetworkTestCase, run_test
from tests.live.linux_guest import Shell, kernel_and_initrd, make_initrd, shell

QEMU = "qemu-system-x86_64"
FIRST = NetworkPlan("first", "prv0", subnet="10.7.0.0/24", mac_prefix="aa:00:01", mac_filtered=True)
SECOND = evolve(FIRST, name="second", mac_prefix="aa:00:02")
RULES = (SecurityRule("in", protocol="icmp"), SecurityRule("out"),
         SecurityRule("in", protocol="tcp", port_min=5001, port_max=5001))  # fmt: skip
TAKE = r"#!/bin/sh\nhead -c 1000000 >/dev/null\necho got\n"
MINE = PortPlan("uuid-mine", "aa:00:01:00:00:01", ("10.7.0.5",), "first", host_name="mine")
NEXT = PortPlan("uuid-next", "aa:00:01:00:00:02", ("10.7.0.6",), "first", host_name="next",
                rules=RULES)  # fmt: skip
THEIRS = PortPlan("uuid-theirs", "aa:00:02:00:00:03", ("10.7.0.5",), "second", host_name="theirs")
HOST_NAME = "wget -q -O - http://169.254.169.254/latest/meta-data/hostname"
UDHCPC = """#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
set -- $staticroutes
ip route add $1 dev $interface
"""


class RealGuestTests(NetworkTestCase):
    """Three guests: two of one tenant, and one of another with the first one's address."""

    timeout = 240

    def setUp(self) -> None:
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")
        super().setUp()
        self.home = Path(tempfile.mkdtemp(prefix="gnt"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.shells: list[Shell] = []
        self.hypervisor: KvmHypervisor | None = None
        self.addCleanup(lambda: Deferred.fromCoroutine(self._end_guests()))

    async def _end_guests(self) -> None:
        for each in self.shells:
            each.close()
        if self.hypervisor is not None:
            for name in self.hypervisor.kept():
                await self.hypervisor.clear(name)
            await self.hypervisor.close()

    async def start(self) -> list[Shell]:
        await self.begin(FIRST, SECOND)
        (self.home / "run").mkdir()
        initrd = make_initrd(self.home, {"udhcpc": (0o755, UDHCPC.encode())})
        parameters = {"kernel_path": str(kernel_and_initrd()[0]), "initrd_path": str(initrd),
                      "kernel_args": "quiet"}  # fmt: skip
        self.hypervisor = KvmHypervisor(
            reactor, self.home / "run", lambda name: self.home / f"{name}.log",
            lambda: Machine(QEMU, "tcg"),
        )  # fmt: skip
        await self.hypervisor.recover(())
        for number, port in enumerate((MINE, NEXT, THEIRS)):
            name = str(port.host_name)
            nics = await self.network.plug(name, (port,), documents({}, (port,), {}))
            uuid = f"00000000-0000-0000-0000-00000000000{number}"
            await self.hypervisor.start(
                Guest(name, uuid, 128, 1, nics=nics, hvparams=parameters, namespace=self.node)
            )
        names = [str(port.host_name) for port in (MINE, NEXT, THEIRS)]
        self.shells = await gatherResults(
            [Deferred.fromCoroutine(self._shell(name)) for name in names], consumeErrors=True
        )
        return self.shells

    async def _shell(self, name: str) -> Shell:
        assert self.hypervisor is not None
        link = await shell(self.hypervisor.console(name).serial)
        await link.run("ip link set lo up; ip link set eth0 up")
        await link.run("udhcpc -i eth0 -n -q -s /udhcpc -O staticroutes -t 20 -T 1 >/dev/null 2>&1")
        return link

    async def received(self, link: Shell) -> int:
        """Frames that the guest's NIC has got."""
        return int(await link.run("cat /sys/class/net/eth0/statistics/rx_packets"))

    async def pings(self, link: Shell, address: str = "10.7.0.6", more: str = "") -> bool:
        said = await link.run(f"ping -c 2 -W 1 {more} {address} || true")
        found = re.search(r"(\d+) packets received", said)
        return found is not None and int(found[1]) > 0

    def test_tenants(self) -> Deferred[None]:
        """Addresses by DHCP, each its own metadata; spoofing and listening get nowhere."""

        async def check() -> None:
            mine, other, theirs = await self.start()
            for link, address in ((mine, "10.7.0.5"), (other, "10.7.0.6"), (theirs, "10.7.0.5")):
                self.assertIn(f"inet {address}/24", await link.run("ip addr show dev eth0"))
            for link, name in ((mine, "mine"), (theirs, "theirs"), (other, "next")):
                self.assertEqual(await link.run(HOST_NAME), name)
            self.assertTrue(await self.pings(mine))
            self.assertFalse(await self.pings(theirs))
            await self.check_unseen(mine, theirs)
            await self.check_spoofing(mine, other)

        return run_test(check)

    def test_limits(self) -> Deferred[None]:
        """A limit set while they run slows down what a guest sends, or gets; then it is gone."""
        if not os.environ.get("NETWORK_LONG"):
            raise SkipTest("NETWORK_LONG is not set")

        async def check() -> None:
            mine, other, _ = await self.start()
            await other.run(f"printf '{TAKE}' > /take; chmod 755 /take")
            self.assertLess(await self.seconds_for_a_megabyte(mine, other), 2.0)
            for port, qos in (
                (MINE, NicQos(egress_kbps=1600, egress_burst_kbit=1)),
                (NEXT, NicQos(ingress_kbps=1600, ingress_burst_kbit=1)),
            ):
                name = str(port.host_name)
                await self.network.update(name, (evolve(port, qos=qos),), None)
                taken = await self.seconds_for_a_megabyte(mine, other)
                self.assertGreater(taken, 3.0)
                self.assertLess(taken, 15.0)
                await self.network.update(name, (port,), None)
            self.assertLess(await self.seconds_for_a_megabyte(mine, other), 2.0)

        return run_test(check)

    async def seconds_for_a_megabyte(self, sender: Shell, taker: Shell) -> float:
        """By TCP, whose segments guests hand over uncut."""
        await taker.run("nc -l -p 5001 -e /take >/dev/null 2>&1 &")
        await deferLater(reactor, 0.5)
        start = time.monotonic()
        said = await sender.run("dd if=/dev/zero bs=1000 count=1000 2>/dev/null | nc 10.7.0.6 5001")
        self.assertIn("got", said)
        return time.monotonic() - start

    async def check_unseen(self, mine: Shell, theirs: Shell) -> None:
        """Broadcasts and floods of one tenant are not received by the other."""
        before = await self.received(theirs)
        await mine.run("arping -c 2 -I eth0 10.7.0.77 >/dev/null || true")
        await mine.run("ping -c 2 -W 1 -b 10.7.0.255 >/dev/null 2>&1 || true")
        await mine.run("arp -s 10.7.0.88 aa:00:02:00:00:03; ping -c 2 -W 1 10.7.0.88 || true")
        self.assertEqual(await self.received(theirs), before)

    async def check_spoofing(self, mine: Shell, other: Shell) -> None:
        """Under another IP or MAC address nothing arrives; once honest again all is well."""
        await mine.run("ip addr add 10.7.0.99/24 dev eth0")
        before = await self.received(other)
        self.assertFalse(await self.pings(mine, more="-I 10.7.0.99"))
        await mine.run("arping -U -c 2 -I eth0 -s 10.7.0.99 10.7.0.6 >/dev/null || true")
        await mine.run("ip link set eth0 down; ip link set eth0 address aa:00:01:00:00:02")
        await mine.run("ip link set eth0 up; ip addr show dev eth0 | grep -q 10.7.0.5 ||"
                       " ip addr add 10.7.0.5/24 dev eth0")  # fmt: skip
        self.assertFalse(await self.pings(mine))
        self.assertEqual(await self.received(other), before)
        await mine.run(f"ip link set eth0 down; ip link set eth0 address {MINE.mac}")
        await mine.run("ip link set eth0 up; ip addr del 10.7.0.99/24 dev eth0 || true")
        self.assertTrue(await self.pings(mine))
        await other.run("nc -l -p 80 -e true &")
        said = await mine.run("nc -w 2 10.7.0.6 80 </dev/null && echo got in || true")
        self.assertNotIn("got in", said)
