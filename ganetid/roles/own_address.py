"""
The master has the cluster's address: brought up when its reign begins, and when it changes.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.logger import Logger

from ganetid.cluster.address import ClusterPlace, place_of
from ganetid.cluster.configuration import Configuration
from ganetid.node.interface import INode
from ganetid.opcodes.errors import OpcodeError

CUT_OFF_FOR_S = 5.0


@define(eq=False)
class OwnAddress:
    """
    Keeps it on `node`, which is this machine; `look` is one turn.

    is_cut_off: whether others may have chosen another master by now.  Then the address is let go
    of, until they are heard again.
    """

    cluster: Configuration
    node: INode
    is_cut_off: Callable[[], bool]
    seconds: Callable[[], float]
    _cut_off_at: float | None = None
    _held: ClusterPlace | None = None
    _is_over: bool = False
    _log = Logger()

    async def look(self) -> None:
        """Bring up what the parameters name now; what fails is tried again at the next turn."""
        wanted = None if self._is_away() else place_of(self.cluster.facts)
        if self._is_over or wanted == self._held:
            return
        try:
            if wanted is None:
                await self.node.release_cluster_address()
            else:
                await self.node.hold_cluster_address(wanted)
                self._log.info("the cluster's address {address} is here", address=wanted.address)
            self._held = wanted
            await self._let_go_if_over()
        except OpcodeError as error:
            self._log.error("{error}", error=error)

    def _is_away(self) -> bool:
        """Not at once: a master that begins has yet to reach the others."""
        if not self.is_cut_off():
            self._cut_off_at = None
            return False
        if self._cut_off_at is None:
            self._cut_off_at = self.seconds()
        return self.seconds() - self._cut_off_at >= CUT_OFF_FOR_S

    async def _let_go_if_over(self) -> None:
        """It was brought up while the reign ended."""
        if self._is_over:
            await self.release()

    async def release(self) -> None:
        """For good: another node is about to have it."""
        self._is_over = True
        try:
            await self.node.release_cluster_address()
        except OpcodeError as error:
            self._log.error("{error}", error=error)
