"""
A node's network of the real kernel, in network namespaces, and guests that are namespaces too.

A guest's interface is a tap of its own namespace; a thread carries frames between it and the tap
of the node, as QEMU would.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from ganetid.network.choice import missing_for_taps
from ganetid.network.names import tap_name
from ganetid.network.namespace import NAMESPACES, within
from ganetid.network.ports import NetworkPlan, PortPlan
from ganetid.network.tap import TapNetwork, TapSettings
from ganetid.node.programs import run

T = TypeVar("T")
CLUSTER = "test-cluster"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
PATIENCE_S = 0.5
_numbers = iter(range(1, 1_000_000))


def open_tap(name: str) -> int:
    """A file descriptor on a tap, as QEMU has it."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return handle


class Wire:
    """Carries frames between two descriptors until it is cut; `heard` is what the guest got."""

    def __init__(self, node: int, guest: int | None = None) -> None:
        self.node, self.guest = node, guest
        self.heard: list[bytes] = []
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def send(self, frame: bytes) -> None:
        """The guest sends a frame."""
        os.write(self.node, frame.ljust(60, b"\0"))

    def cut(self) -> None:
        os.write(self._stopper, b"x")
        self._thread.join()
        for handle in (self.node, self.guest, self._stop, self._stopper):
            if handle is not None:
                os.close(handle)

    def _carry(self) -> None:
        handles = [each for each in (self.node, self.guest, self._stop) if each is not None]
        while True:
            ready, _, _ = select.select(handles, [], [])
            if self._stop in ready:
                return
            for handle in ready:
                try:
                    frame = os.read(handle, 65536)
                    if handle == self.node:
                        self.heard.append(frame)
                    other = self.guest if handle == self.node else self.node
                    if other is not None:
                        os.write(other, frame)
                except OSError:
                    continue


class FakeGuest:
    """A guest with one NIC; `namespace` is its own."""

    def __init__(self, namespace: str, port: PortPlan, wire: Wire) -> None:
        self.namespace, self.port, self.wire = namespace, port, wire

    async def ip(self, *lines: str) -> None:
        await run(reactor, ["ip", "-netns", self.namespace, "-batch", "-"], "\n".join(lines) + "\n")

    async def says(self, *command: str, timeout_s: float = 20.0) -> str:
        said = await run(
            reactor, ["ip", "netns", "exec", self.namespace, *command], timeout_s=timeout_s
        )
        return said.output

    def inside(self, work: Callable[[], T]) -> Deferred[T]:
        return within(reactor, self.namespace, work)


class NetworkTestCase(TestCase):
    """Has `self.network`, a TapNetwork in the namespace `self.node`, not yet begun."""

    timeout = 120

    def setUp(self) -> None:
        missing = missing_for_taps()
        if missing is not None:
            raise SkipTest(f"taps can't be made: {missing}")
        if shutil.which("nft") is None:
            raise SkipTest("there is no nft")
        self.namespaces: list[str] = []
        self.addCleanup(self.remove_namespaces)
        self.node = self.new_namespace()
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.network = self.make_network()

    def new_namespace(self) -> str:
        """A name; whoever uses it makes it."""
        self.namespaces.append(f"t-{os.getpid()}-{next(_numbers)}")
        return self.namespaces[-1]

    def remove_namespaces(self) -> None:
        for name in self.namespaces:
            for path in (*NAMESPACES.glob(f"{name}-r*"), NAMESPACES / name):
                subprocess.run(["ip", "netns", "del", path.name], capture_output=True)

    def router_namespaces(self) -> list[str]:
        """Names of those that the node's routers have."""
        return sorted(path.name for path in NAMESPACES.glob(f"{self.node}-r*"))

    def make_network(
        self, namespace: str | None = None, directory: Path | None = None
    ) -> TapNetwork:
        settings = TapSettings(namespace or self.node, dns=("192.0.2.53",), lease_s=600)
        made = TapNetwork(reactor, CLUSTER, settings, directory or self.directory)
        self.addCleanup(lambda: Deferred.fromCoroutine(made.close()))
        return made

    async def begin(self, *networks: NetworkPlan) -> None:
        await self.network.begin(frozenset())
        for network in networks:
            await self.network.connect(network)

    async def restart(self, *running: str) -> None:
        """As when the daemon is started anew, while these guests run."""
        await self.network.close()
        self.network = self.make_network()
        await self.network.begin(frozenset(running))

    async def ip(self, *lines: str, namespace: str | None = None) -> None:
        where = ["-netns", namespace or self.node]
        await run(reactor, ["ip", *where, "-batch", "-"], "\n".join(lines) + "\n")

    async def plugged(
        self, port: PortPlan, metadata: dict[str, bytes] | None = None, node: Any = None
    ) -> Wire:
        """Plug one NIC of an instance of the same name; its wire alone."""
        network = node or self.network
        await network.plug(port.host_name or port.uuid, (port,), metadata or {})
        tap = tap_name(CLUSTER, port.uuid)
        wire = Wire(await within(reactor, network.namespace, lambda: open_tap(tap)))
        self.addCleanup(wire.cut)
        return wire

    async def guest(
        self,
        port: PortPlan,
        metadata: dict[str, bytes] | None = None,
        node: Any = None,
        gateway: str | None = None,
    ) -> FakeGuest:
        """A whole guest; its interface eth0 is up and has the port's first address, as a /24."""
        network = node or self.network
        await network.plug(port.host_name or port.uuid, (port,), metadata or {})
        tap, namespace = tap_name(CLUSTER, port.uuid), self.new_namespace()
        await run(reactor, ["ip", "netns", "add", namespace])
        outer = await within(reactor, network.namespace, lambda: open_tap(tap))
        inner = await within(reactor, namespace, lambda: open_tap("eth0"))
        wire = Wire(outer, inner)
        self.addCleanup(wire.cut)
        guest = FakeGuest(namespace, port, wire)
        lines = ["link set lo up", f"link set eth0 address {port.mac} up"]
        lines += [f"address add {port.ip}/24 dev eth0"] if port.ip else []
        lines += [f"route add default via {gateway}"] if gateway else []
        await guest.ip(*lines)
        return guest

    async def outside(self, address: str = "198.51.100.2") -> FakeGuest:
        """A machine beyond the node's uplink up0, which is 198.51.100.1/24."""
        namespace = self.new_namespace()
        await run(reactor, ["ip", "netns", "add", namespace])
        await self.ip(f"link add up0 type veth peer name eth0 netns {namespace}")
        await self.ip("address add 198.51.100.1/24 dev up0", "link set dev up0 up")
        machine = FakeGuest(namespace, PortPlan("outside", ""), None)  # type: ignore[arg-type]
        await machine.ip("link set lo up", f"address add {address}/24 dev eth0", "link set eth0 up")
        return machine


def udp_socket(port: int = 9999, address: str = "0.0.0.0") -> socket.socket:
    """Call it inside a namespace."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    made.bind((address, port))
    made.settimeout(PATIENCE_S)
    return made


def passes(sender: socket.socket, receiver: socket.socket, to: str, port: int = 9999) -> str | None:
    """The address that a datagram comes from, None when it does not come.  Blocks."""
    word = os.urandom(8)
    sender.sendto(word, (to, port))
    try:
        while True:
            got, origin = receiver.recvfrom(100)
            if got == word:
                return str(origin[0])
    except TimeoutError:
        return None


async def heard(wire: Wire, what: bytes, within_s: float = PATIENCE_S) -> bool:
    """Whether a frame with these bytes in it reaches the guest."""
    for _ in range(int(within_s / 0.01)):
        if any(what in frame for frame in wire.heard):
            return True
        await deferLater(reactor, 0.01)
    return False


def run_test(test: Callable[[], Awaitable[None]]) -> Deferred[None]:
    """The coroutine as trial takes it."""
    return Deferred.fromCoroutine(test())  # type: ignore[arg-type]
