"""
The cluster's own address on this machine, while the master half is here.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.threads import deferToThread

from ganetid.cluster.address import ClusterPlace
from ganetid.network.wire.public import announcement
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.errors import OpExecError
from synnefo_tx.daemon.private_files import write_private

ANNOUNCED = 3  # a switch or a neighbour may miss one


class ClusterAddress:
    """
    Brings the address up and takes it away.

    path: says what was brought up, so that it is taken away also after a crash.
    """

    def __init__(self, reactor: Any, path: Path) -> None:
        self._reactor = reactor
        self._path = path

    async def hold(self, wanted: ClusterPlace) -> None:
        """Have it here, and tell the neighbours so.  Idempotent.  Raises OpExecError."""
        before = await deferToThread(self._read)
        if before is not None and before != wanted:
            await self.release()
        try:
            await deferToThread(self._write, wanted)
            await self._ip("replace", wanted)
            await deferToThread(announce, wanted)
        except (ProgramFailed, OSError) as error:
            raise OpExecError(
                f"The cluster's address {wanted.address} can't be brought up on"
                f" {wanted.device}: {error}"
            ) from error

    async def release(self) -> None:
        """Have it here no more, if it was ever brought up.  Idempotent.  Raises OpExecError."""
        held = await deferToThread(self._read)
        if held is None:
            return
        try:
            await self._ip("del", held)
        except ProgramFailed as error:
            if "Cannot assign requested address" not in str(error):  # it is gone already
                raise OpExecError(f"The cluster's address can't be removed: {error}") from error
        await deferToThread(self._path.unlink, missing_ok=True)

    async def _ip(self, verb: str, held: ClusterPlace) -> None:
        words = ["ip", "address", verb, held.address, "dev", held.device]
        await run(self._reactor, words)

    def _read(self) -> ClusterPlace | None:
        if not self._path.exists():
            return None
        return msgspec.json.decode(self._path.read_bytes(), type=ClusterPlace)

    def _write(self, held: ClusterPlace) -> None:
        write_private(self._path, msgspec.json.encode(held).decode("utf-8"))


def announce(held: ClusterPlace) -> None:
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
        for _ in range(ANNOUNCED):
            opened.send(announcement(address, mac))
