"""VLANs by the bridge's own filtering, where this kernel's bridges have that."""

from __future__ import annotations

import socket
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from ganetid.network.namespace import within
from ganetid.network.ports import NetworkPlan, PortPlan
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.errors import OpExecError
from tests.ganetid.network.lab import NetworkTestCase, heard, run_test
from tests.ganetid.network.packets import framed, udp

TAGGED = NetworkPlan("ten", "gtbr1", vlan=".10", subnet="10.7.0.0/24", uplink="up0")
PORT = PortPlan("uuid-1", "fa:16:3e:00:00:01", ("10.7.0.9",), "ten", host_name="one")
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
