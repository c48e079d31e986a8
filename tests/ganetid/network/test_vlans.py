"""VLANs by the bridge's own filtering, where this kernel's bridges have that."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.interface import Guest
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.network.namespace import within
from ganetid.network.plan import bridges_of, make_bridge
from ganetid.network.ports import NetworkPlan, Plugged, PortPlan
from ganetid.network.state import NetworkState
from ganetid.network.vlans import Vlans
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.errors import OpExecError
from tests.ganetid.network.lab import NetworkTestCase, heard, run_test
from tests.ganetid.network.packets import framed, udp
from tests.live.linux_guest import Shell, kernel_and_initrd, kernel_release, make_initrd, shell

TAGGED = NetworkPlan("ten", "gtbr1", vlan=".10", subnet="10.7.0.0/24", uplink="up0")
PORT = PortPlan("uuid-1", "fa:16:3e:00:00:01", ("10.7.0.9",), "ten", host_name="one")
QEMU = "qemu-system-x86_64"
MODULES = ("net/llc/llc.ko", "net/802/stp.ko", "net/bridge/bridge.ko", "net/802/garp.ko",
           "net/802/mrp.ko", "net/8021q/8021q.ko", "drivers/net/veth.ko")  # fmt: skip
TAG = b"\x81\x00\x00\x0a"


class VlanTests(NetworkTestCase):
    """A NIC in VLAN 10 of a bridge with an uplink."""

    async def probed(self) -> str | None:
        """What the kernel says when its bridge is to filter VLANs; None: it does."""
        await self.ip("link add probe type bridge")
        words = ["link", "set", "dev", "probe", "type", "bridge", "vlan_filtering", "1"]
        try:
            await run(reactor, ["ip", "-netns", self.node, *words])
        except ProgramFailed as error:
            return str(error).splitlines()[0]
        finally:
            await self.ip("link delete dev probe")
        return None

    async def cable(self) -> None:
        await self.network.begin(frozenset())
        await self.ip("link add up0 type veth peer name far", "link set far up", "link set up0 up")

    def test_tags(self) -> Deferred[None]:
        """Its frames leave with the tag; those with it come in, without it, and no others."""

        async def check() -> None:
            await self.cable()
            said = await self.probed()
            if said is not None:
                raise SkipTest(f"this kernel's bridges filter no VLANs: {said}")
            await self.network.connect(TAGGED)
            wire = await self.plugged(PORT)
            far = await within(reactor, self.node, listening)
            self.addCleanup(far.close)
            frame = framed(PORT.mac, "fa:16:3e:00:00:77", udp("10.7.0.9", "10.7.0.77", what=b"out"))
            wire.send(frame)
            self.assertEqual(frame_with(far, b"out")[12:16], TAG)
            for number, tag in enumerate((TAG, b"", b"\x81\x00\x00\x0b")):
                word = b"in-%d" % number
                frame = framed(
                    "fa:16:3e:00:00:77", PORT.mac, udp("10.7.0.77", "10.7.0.9", what=word)
                )
                far.send(frame[:12] + tag + frame[12:])
                self.assertEqual(await heard(wire, word), tag == TAG)

        return run_test(check)

    def test_without(self) -> Deferred[None]:
        """Where bridges filter no VLANs, such a NIC is refused on a bridge with an uplink only."""

        async def check() -> None:
            await self.cable()
            if await self.probed() is None:
                raise SkipTest("this kernel's bridges filter VLANs")
            await self.network.connect(TAGGED)
            plugging = Deferred.fromCoroutine(self.network.plug("one", (PORT,), {}))
            await self.assertFailure(plugging, OpExecError)
            await self.network.connect(evolve(TAGGED, uplink=None))
            await self.network.plug("one", (PORT,), {})

        return run_test(check)


class Recorder:
    """Keeps the lines that a Host would run."""

    def __init__(self) -> None:
        self.for_ip: list[str] = []
        self.for_bridge: list[str] = []

    async def ip(self, lines: Any) -> None:
        self.for_ip += lines

    async def bridge(self, lines: Any) -> None:
        self.for_bridge += lines


class OtherKernelTests(TestCase):
    """
    The lines that put NICs into VLANs, run by a guest's kernel whose bridges filter them.

    NETWORK_LONG=1 has it boot.
    """

    timeout = 180

    def setUp(self) -> None:
        if "NETWORK_LONG" not in os.environ:
            raise SkipTest("it boots a guest: set NETWORK_LONG=1")
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")
        self.modules = [Path(f"/lib/modules/{kernel_release()}/kernel/{name}") for name in MODULES]
        missing = [path for path in self.modules if not path.exists()]
        if missing:
            raise SkipTest(f"there is no {missing[0]} for a guest")
        self.home = Path(tempfile.mkdtemp(prefix="gnt"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        state = NetworkState("c").with_networks({"ten": TAGGED})
        trunk = evolve(PORT, uuid="uuid-2", mac="fa:16:3e:00:00:02", vlan=".10:20")
        for name, port in (("one", PORT), ("two", trunk)):
            state = state.with_plugged(Plugged(name, (port,)))
        self.state = state
        self.addCleanup(lambda: Deferred.fromCoroutine(self._end()))
        self.hypervisor: KvmHypervisor | None = None

    async def _end(self) -> None:
        if self.hypervisor is not None:
            await self.hypervisor.clear("vlans")
            await self.hypervisor.close()

    async def start(self) -> Shell:
        host = Recorder()
        await Vlans(host).apply(self.state, {})  # type: ignore[arg-type]
        (bridge,) = bridges_of(self.state)
        files = programs_of("ip", "bridge")
        files |= {f"modules/{path.name}": (0o644, path.read_bytes()) for path in self.modules}
        for name, lines in (
            ("first", [*cables(self.state), *make_bridge(bridge, {}), *plug_in(self.state)]),
            ("then", host.for_ip), ("vlans", host.for_bridge),
        ):  # fmt: skip
            files[name] = (0o644, "".join(f"{line}\n" for line in lines).encode())
        (self.home / "run").mkdir()
        parameters = {"kernel_path": str(kernel_and_initrd()[0]), "kernel_args": "quiet",
                      "initrd_path": str(make_initrd(self.home, files))}  # fmt: skip
        self.hypervisor = KvmHypervisor(
            reactor, self.home / "run", lambda name: self.home / f"{name}.log",
            lambda: Machine(QEMU, "tcg"),
        )  # fmt: skip
        await self.hypervisor.recover(())
        uuid = "00000000-0000-0000-0000-000000000001"
        await self.hypervisor.start(Guest("vlans", uuid, 192, 1, hvparams=parameters))
        link = await shell(self.hypervisor.console("vlans").serial)
        self.addCleanup(link.close)
        return link

    def test_tags(self) -> Deferred[None]:
        """An untagged NIC is in its VLAN alone; a trunk in its own; the uplink bears the tags."""

        async def check() -> None:
            link = await self.start()
            for path in self.modules:
                await link.run(
                    f"insmod /modules/{path.name} 2>/dev/null || lsmod | grep -q {path.stem}"
                )
            for name in ("far", "one", "two"):
                await link.run(f"/real/ip netns add {name}")
            for words in ("ip -batch /first", "ip -batch /then", "bridge -batch /vlans"):
                await link.run(f"/real/{words}")
            for name, tags in (("far", (10, 20, 30)), ("one", (0, 20)), ("two", (0, 20, 30))):
                await link.run(f"/real/ip -n {name} link set eth0 up")
                for tag in tags:
                    await self.address(link, name, tag)
            for name, to, through in (
                ("one", "10.0.10.1", True), ("two", "10.0.10.1", True),
                ("two", "10.0.20.1", True), ("one", "10.0.10.3", True),
                ("one", "10.0.20.1", False), ("two", "10.0.30.1", False),
            ):  # fmt: skip
                count = 3 if through else 1
                ping = f"ping -c {count} -W 2 {to} || true"
                said = await link.run(f"/real/ip netns exec {name} {ping}")
                self.assertEqual(" 0 packets received" not in said, through, (name, to, said))

        return Deferred.fromCoroutine(check())

    async def address(self, link: Shell, name: str, tag: int) -> None:
        """tag: 0 for frames without, which are in VLAN 10."""
        number = ("far", "one", "two").index(name) + 1
        device = f"eth0.{tag}" if tag else "eth0"
        if tag:
            await link.run(
                f"/real/ip -n {name} link add link eth0 name {device} type vlan id {tag}"
            )
        await link.run(f"/real/ip -n {name} address add 10.0.{tag or 10}.{number}/24 dev {device}")
        await link.run(f"/real/ip -n {name} link set {device} up")


def cables(state: NetworkState) -> list[str]:
    """Lines that make what stands for the uplink and for taps."""
    ends = {
        "up0": "far",
        **dict(zip((each.tap for each in state.places()), ("one", "two"), strict=True)),
    }
    return [
        f"link add {outer} type veth peer name eth0 netns {name}" for outer, name in ends.items()
    ]


def plug_in(state: NetworkState) -> list[str]:
    return [f"link set dev {each.tap} master {each.bridge} up" for each in state.places()]


def programs_of(*names: str) -> dict[str, tuple[int, bytes]]:
    """This machine's programs with all they need, in /real of a guest."""
    files: dict[str, tuple[int, bytes]] = {}
    for name in names:
        path = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
        if path is None:
            raise SkipTest(f"there is no {name}")
        said = subprocess.run(["ldd", path], check=True, stdout=subprocess.PIPE, text=True).stdout
        for needed in re.findall(r"(/\S+) \(0x", said):
            files[needed.lstrip("/")] = (0o755, Path(needed).read_bytes())
        files[f"real/{name}"] = (0o755, Path(path).read_bytes())
    return files


def listening() -> Any:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    made.bind(("far", 0))
    made.settimeout(5)
    return made


def frame_with(opened: Any, word: bytes) -> bytes:
    while True:
        frame = bytes(opened.recv(2000))
        if word in frame:
            return frame
