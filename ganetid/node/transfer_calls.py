"""
What a node does for instances that go to another cluster, or come from there.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Disk, Instance
from ganetid.hypervisor.interface import Drive
from ganetid.node.equipment import Equipment
from ganetid.node.transfers import Channel, TransferKey, Transfers
from ganetid.opcodes.errors import OpExecError
from synnefo_tx.daemon.private_files import secret_in


class TransferCalls(Equipment):
    """What INode says of transfers between clusters."""

    _transfers: Transfers | None = None

    async def domain_secret(self) -> str:
        """See INode.  Made when it is first asked for.  Raises OpExecError."""
        try:
            return await deferToThread(self._domain_secret)
        except OSError as error:
            raise OpExecError(f"Can't read the cluster domain secret: {error}") from error

    async def new_transfer_key(self) -> TransferKey:
        """See INode."""
        return await self._moved_abroad().new_key()

    async def await_disk(self, instance: Instance, disk: Disk, host: str, channel: Channel) -> int:
        """See INode."""
        return await self._moved_abroad().listen(instance, disk, host, channel)

    async def receive_disk(self, disk: Disk, timeout_s: float) -> None:
        """See INode."""
        await self._moved_abroad().received(disk, timeout_s)

    async def send_disk(
        self, instance: Instance, disk: Disk, host: str, port: int, channel: Channel
    ) -> None:
        """See INode."""
        await self._moved_abroad().send(instance, disk, host, port, channel)

    async def end_transfer(self, key: str) -> None:
        """See INode."""
        await self._moved_abroad().end(key)

    async def _end_transfers(self) -> None:
        if self._transfers is not None:
            await self._transfers.close()

    def _moved_abroad(self) -> Transfers:
        if self._transfers is None:
            if self.systems is None:
                raise OpExecError("This node can't show disks as files")
            place = self._directory.parent / "transfers"
            self._transfers = Transfers(reactor, place, self.systems.reached, self._active)
        return self._transfers

    async def _active(self, instance: Instance, disk: Disk) -> Drive:
        drive: Drive = await self.template_of(instance).activate(instance.name, disk)
        return drive

    def _domain_secret(self) -> str:
        if self.domain_secret_file is not None:
            return self.domain_secret_file.read_text(encoding="utf-8").strip()
        return secret_in(self._directory.parent / "cluster-domain-secret")
