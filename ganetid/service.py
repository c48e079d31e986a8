"""
ganetid as a Twisted service.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.admin.door import AdminDoor
from ganetid.disks.blocks import IBlocks
from ganetid.hypervisor.interface import IHypervisor
from ganetid.node.membership import OlderMaster
from ganetid.roles.master import MasterHalf
from ganetid.roles.node import NodeHalf
from ganetid.roles.rapi import RapiPort
from ganetid.roles.renewal import RenewalDoors
from ganetid.roles.succession import CannotBeMaster, Succession
from ganetid.settings import GanetiSettings, check
from synnefo_tx.daemon.bus.interface import IPublisher


class Ganetid(Service):
    """
    A node of a cluster, and its master if it belongs here.

    It is ready when `when_ready` fires; then `rapi_port` is the port of the master's remote API
    and `node_port` that of node RPC.
    """

    name = "ganetid"
    _log = Logger()

    def __init__(
        self,
        settings: GanetiSettings,
        reactor: Any,
        publisher: IPublisher,
        blocks: IBlocks | None = None,
        hypervisor: IHypervisor | None = None,
    ) -> None:
        """blocks, hypervisor: instead of those that the settings describe."""
        self.settings = settings
        self._reactor = reactor
        self._publisher = publisher
        self._rapi = RapiPort(settings, reactor)
        self.half = NodeHalf(settings, reactor, blocks, hypervisor, self._depose)
        self.master: MasterHalf | None = None
        self._admin = AdminDoor(reactor, self)
        self.succession = Succession(
            reactor, self.half, lambda: self.master is not None, self.stand_down
        )
        self.renewal = RenewalDoors(self.half)
        self._waiting: list[Deferred[None]] = []
        self._is_asking = False
        self._outcome: Failure | bool | None = None
        self._starting: Deferred[None] = succeed(None)
        self._changing: Deferred[None] = succeed(None)

    @property
    def rapi_port(self) -> int:
        """Port of the remote API."""
        return self._rapi.port

    @property
    def certificate(self) -> Path:
        """The remote API's certificate."""
        return self._rapi.certificate

    @property
    def node_port(self) -> int:
        """Port of node RPC, 0 without it."""
        return self.half.rpc_port

    def startService(self) -> None:
        """Begin to start."""
        super().startService()
        self._starting = Deferred.fromCoroutine(self._begin())
        self._starting.addCallbacks(lambda _: self._tell(True), self._tell)

    def stopService(self) -> Deferred[None]:
        """Let jobs end that soon do; guests run on."""
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    def reload(self) -> None:
        """Read again what an operator may have changed."""
        self._rapi.reload()

    def when_ready(self) -> Deferred[None]:
        """Fires when the daemon does what its role asks for, or fails when it never will."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if self._outcome is not None:
            self._tell(self._outcome)
        return waiting

    def _tell(self, outcome: Failure | bool) -> None:
        self._outcome = outcome
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if isinstance(outcome, Failure):
                each.errback(outcome)
            else:
                each.callback(None)
        if isinstance(outcome, Failure):
            self._log.failure("ganetid could not start", failure=outcome)

    async def _begin(self) -> None:
        check(self.settings)
        await self.half.begin()
        self.half.site.doors.update(self.succession.doors())
        self.half.site.doors.update(self.renewal.doors())
        if self.half.membership.is_master and await self._resumes():
            await self._begin_master()
        else:
            await self.half.node.release_cluster_address()
            self._log.info("node {name} is up", name=self.half.membership.name)
        self.half.probe()
        await self._admin.listen()

    async def _resumes(self) -> bool:
        self._is_asking = True
        try:
            return await self.succession.wait_to_resume()
        finally:
            self._is_asking = False

    async def _begin_master(self, is_alone: bool = False) -> None:
        self.master = MasterHalf(
            self._reactor, self.half, self._publisher, self._rapi, self._heard_of_newer
        )
        self.master.renewal = self.renewal
        if is_alone:
            self.master.candidates.go_alone()
        await self.master.begin()

    async def _end(self) -> None:
        if self._is_asking:
            self._starting.cancel()
        await self._starting
        await self._changing
        await self._admin.close()
        if self.master is not None:
            await self.master.end()
        await self.half.end()

    async def take_over(self, forced: bool) -> None:
        """
        Make this node the master.  forced: without the votes of nodes that don't answer; if it is
        the master already, it goes on without them.

        Raises CannotBeMaster.
        """
        replica = self.half.replica
        if self.master is not None and forced:
            self.master.candidates.go_alone()
            return
        if self.master is not None or replica is None:
            raise CannotBeMaster("it is the master already")
        await self._changing  # it may have been the master a moment ago
        await self.succession.succeed(forced)
        await replica.take_over()
        await self._begin_master(is_alone=forced)

    def _heard_of_newer(self, older: OlderMaster) -> None:
        self._log.critical("this daemon is the master no more: {why}", why=older)
        self.half.membership.keep(older.view)
        self._depose()

    def _depose(self) -> None:
        """Another node is master: be a node only."""
        Deferred.fromCoroutine(self.stand_down())

    async def stand_down(self) -> None:
        """End the master half; what it has acknowledged is with the candidates."""
        master, self.master = self.master, None
        if master is not None:
            self._changing = Deferred.fromCoroutine(master.end())
            self._changing.addErrback(
                lambda failure: self._log.failure("the master half did not end well", failure)
            )
        await self._changing


def build_service(
    settings: GanetiSettings,
    reactor: Any,
    publisher: IPublisher,
    blocks: IBlocks | None = None,
    hypervisor: IHypervisor | None = None,
) -> Ganetid:
    """ganetid, to be started; see Ganetid for what may be handed in.  Raises SettingsError."""
    check(settings)
    return Ganetid(settings, reactor, publisher, blocks, hypervisor)
