"""
The cluster's own address on this machine, while the master half is here.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.cluster.address import ClusterPlace
from ganetid.network.wire.public import announcement
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.errors import OpExecError
from synnefo_tx.daemon.private_files import write_private

ANNOUNCED = 3  # a switch or a neighbour may miss one
LIFETIME_S = 10
RENEW_EVERY_S = 3.0


class ClusterAddress:
    """
    Brings the address up and takes it away.

    The kernel has it for LIFETIME_S only, and it is renewed meanwhile: a machine whose daemon is
    dead or hangs loses it, while another one is master already.
    path: says what was brought up, so that it is taken away also after a crash.
    """

    _log = Logger()

    def __init__(self, reactor: Any, path: Path) -> None:
        self._reactor = reactor
        self._path = path
        self._one_by_one = DeferredLock()
        self._renewing = LoopingCall(self.renew)
        self._renewing.clock = reactor

    async def hold(self, wanted: ClusterPlace) -> None:
        """Have it here, and tell the neighbours so.  Idempotent.  Raises OpExecError."""
        await self._one_by_one.run(lambda: Deferred.fromCoroutine(self._hold(wanted)))
        if not self._renewing.running:
            self._renewing.start(RENEW_EVERY_S, now=False)

    async def _hold(self, wanted: ClusterPlace) -> None:
        before = await deferToThread(self._read)
        if before is not None and before != wanted:
            await self._release()
        try:
            await deferToThread(self._write, wanted)
            await self._bring_up(wanted)
            await deferToThread(announce, wanted, ANNOUNCED)
        except (ProgramFailed, OSError) as error:
            raise OpExecError(
                f"The cluster's address {wanted.address} can't be brought up on"
                f" {wanted.device}: {error}"
            ) from error

    async def release(self) -> None:
        """Have it here no more, if it was ever brought up.  Idempotent.  Raises OpExecError."""
        if self._renewing.running:
            self._renewing.stop()
        await self._one_by_one.run(lambda: Deferred.fromCoroutine(self._release()))

    async def _release(self) -> None:
        held = await deferToThread(self._read)
        if held is None:
            return
        try:
            if await self._is_here(held):
                words = ["ip", "address", "del", held.address, "dev", held.device]
                await run(self._reactor, words)
        except ProgramFailed as error:
            if await self._is_here(held):
                raise OpExecError(f"The cluster's address can't be removed: {error}") from error
        await deferToThread(self._path.unlink, missing_ok=True)

    def renew(self) -> Deferred[None]:
        """One turn of what goes on while it is held."""
        return self._one_by_one.run(lambda: Deferred.fromCoroutine(self._renew_held()))

    async def _renew_held(self) -> None:
        """
        Told to the neighbours each time: while a dead master's machine had it too, they may have
        learnt that one's.
        """
        try:
            held = await deferToThread(self._read)
            if held is not None:
                await self._bring_up(held)
                await deferToThread(announce, held, 1)
        except Exception:  # noqa: BLE001 - the next turn has to come: logged
            self._log.failure("the cluster's address was not renewed")

    async def _bring_up(self, held: ClusterPlace) -> None:
        life = ["valid_lft", str(LIFETIME_S), "preferred_lft", str(LIFETIME_S)]
        words = ["ip", "address", "replace", held.address, "dev", held.device, *life]
        await run(self._reactor, words)

    async def _is_here(self, held: ClusterPlace) -> bool:
        """It may have gone by itself, with its time, its interface or the machine's power."""
        said = await run(self._reactor, ["ip", "-json", "address", "show"])
        return any(
            link.get("ifname") == held.device
            and f"{each.get('local')}/{each.get('prefixlen')}" == held.address
            for link in json.loads(said.output or "[]")
            for each in link.get("addr_info", ())
        )

    def _read(self) -> ClusterPlace | None:
        if not self._path.exists():
            return None
        return msgspec.json.decode(self._path.read_bytes(), type=ClusterPlace)

    def _write(self, held: ClusterPlace) -> None:
        write_private(self._path, msgspec.json.encode(held).decode("utf-8"))


def announce(held: ClusterPlace, times: int) -> None:
    """
    Tell everybody on the interface's network who has the address now.  Raises OSError.

    Of IPv6 addresses the kernel tells by itself, while it looks for duplicates.
    """
    address = held.address.partition("/")[0]
    mac = Path(f"/sys/class/net/{held.device}/address").read_text("ascii").strip()
    if ":" in address or not mac.strip("0:"):  # the loopback has no neighbours
        return
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as opened:
        opened.bind((held.device, 0))
        for _ in range(times):
            opened.send(announcement(address, mac))
