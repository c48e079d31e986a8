"""
One guest's run as this process sees it: its QEMU, the QMP connection, and who waits for what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ganetid.hypervisor.process import Process
from ganetid.hypervisor.qmp import Event
from ganetid.hypervisor.qmp_link import QmpGone, QmpLink, QmpRefused, connect
from ganetid.opcodes.errors import HypervisorError

RELINK_DELAY_S = 1.0
LAST_WORDS_S = 1.0
GUEST_REASONS = frozenset({"guest-shutdown", "guest-panic", "guest-reset"})


class Signal:
    """Something that happens, any number of times, and that any number of others wait for."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: list[Deferred[None]] = []

    def happen(self) -> None:
        """It happened."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(None)

    async def within(self, seconds: float) -> bool:
        """Whether it happens within so many seconds from now."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        call = self._reactor.callLater(seconds, waiting.errback, TimeoutError())
        try:
            await waiting
        except TimeoutError:
            self._waiting.remove(waiting)
            return False
        call.cancel()
        return True


class GuestRun:
    """
    A running QEMU.

    ended_by_us: set before we end it ourselves.  shutdown_reason: QEMU's word for why it went.
    on_end: is called once, after the process is gone and its last words were heard.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, name: str, pid: int, socket: str, on_end: Callable[[GuestRun], None]
    ) -> None:
        """Raises ProcessLookupError when the process has gone already."""
        self._reactor = reactor
        self.name = name
        self._socket = socket
        self._on_end = on_end
        self._link: QmpLink | None = None
        self._watching = True
        self.ended_by_us = False
        self.shutdown_reason: str | None = None
        self.gone = Signal(reactor)
        self.was_reset = Signal(reactor)
        self._unlinked = Signal(reactor)
        self._over = Signal(reactor)
        self.is_gone = False
        self.process = Process(reactor, pid)
        self.process.ended.addCallback(lambda _: Deferred.fromCoroutine(self._ended()))

    async def link(self) -> None:
        """Connect QMP.  Raises QmpGone, QmpRefused."""
        link = await connect(self._reactor, self._socket, self._event)
        self._link = link
        link.lost.addCallback(lambda _: self._link_lost())

    def link_in_background(self) -> None:
        """Connect QMP, again and again until it succeeds or the process is gone."""
        Deferred.fromCoroutine(self._relink()).addErrback(self._report)

    async def ask(self, command: str, **arguments: Any) -> Any:
        """QEMU's answer.  Raises HypervisorError."""
        if self._link is None:
            raise HypervisorError(f"No connection to the QEMU of {self.name}")
        try:
            return await self._link.execute(command, **arguments)
        except (QmpGone, QmpRefused) as error:
            words = ": ".join(str(word) for word in error.args)
            raise HypervisorError(f"QEMU of {self.name}, {command}: {words}") from error

    async def is_running(self) -> bool:
        """QEMU says just now that the guest runs."""
        try:
            status = await self.ask("query-status")
        except HypervisorError:
            return False
        return bool(status["running"])

    def let_go(self) -> None:
        """Forget it; the guest runs on."""
        self._watching = False
        self._over.happen()
        self.process.let_go()
        if self._link is not None:
            self._link.close()

    def _event(self, event: Event) -> None:
        self._log.debug("guest {name}: {event}", name=self.name, event=event.name)
        if event.name == "SHUTDOWN":
            self.shutdown_reason = str(event.data.get("reason", ""))
        elif event.name == "RESET":
            self.was_reset.happen()
        elif event.name == "GUEST_PANICKED":
            self._log.warn("guest {name} panicked", name=self.name)

    def _link_lost(self) -> None:
        self._link = None
        self._unlinked.happen()
        if self._watching and not self.is_gone:
            self.link_in_background()

    async def _relink(self) -> None:
        while self._watching and not self.is_gone:
            if await self._over.within(RELINK_DELAY_S):
                return
            try:
                await self.link()
            except (QmpGone, QmpRefused) as error:
                self._log.debug("guest {name}: {error}", name=self.name, error=error)
            else:
                return

    async def _ended(self) -> None:
        self.is_gone = True
        self._over.happen()
        if self._link is not None:
            await self._unlinked.within(LAST_WORDS_S)
        self._on_end(self)
        self.gone.happen()
        self.was_reset.happen()

    def _report(self, failure: Any) -> None:
        self._log.failure("guest {name}: no QMP any more", failure=failure, name=self.name)
