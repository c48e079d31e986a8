"""
One guest's run as this process sees it: its QEMU, the QMP connection, and who waits for what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ganetid.hypervisor.process import Process
from ganetid.hypervisor.qmp import Event
from ganetid.hypervisor.qmp_link import CONNECT_TIMEOUT_S, QmpGone, QmpLink, QmpRefused, connect
from ganetid.hypervisor.signals import Expected, Signal
from ganetid.hypervisor.states import state_of
from ganetid.hypervisor.values import ELSEWHERE, Changed, State
from ganetid.opcodes.errors import HypervisorError

RELINK_DELAY_S = 1.0
LAST_WORDS_S = 1.0
MIB = 1024 * 1024
GUEST_REASONS = frozenset({"guest-shutdown", "guest-reset"})
STATE_EVENTS = frozenset({"STOP", "RESUME", "MIGRATION", "SUSPEND", "WAKEUP", "SUSPEND_DISK"})

__all__ = ["GUEST_REASONS", "GuestRun", "Signal"]


class GuestRun:
    """
    A running QEMU.

    is_destination: the guest comes from another node, and was not yet let go on here.
    state: of the guest, as last heard; status: QEMU's word for it, empty while it is mute.
    ended_by_us: set before we end it ourselves.  shutdown_reason: QEMU's word for why it went.
    on_end: is called once, after the process is gone and its last words were heard.
    on_change: is called with every change of state, and with resets and balloon changes.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        name: str,
        pid: int,
        socket: str,
        on_end: Callable[[GuestRun], None],
        on_change: Callable[[Changed], None] | None = None,
        is_destination: bool = False,
    ) -> None:
        """Raises ProcessLookupError when the process has gone already."""
        self._reactor = reactor
        self.name = name
        self._socket = socket
        self._on_end = on_end
        self._on_change = on_change or (lambda change: None)
        self.is_destination = is_destination
        self.state = State.ARRIVING if is_destination else State.RUNNING
        self.status = ""
        self._link: QmpLink | None = None
        self._watching = True
        self.ended_by_us = False
        self.shutdown_reason: str | None = None
        self.gone = Signal(reactor)
        self.was_reset = Signal(reactor)
        self._unlinked = Signal(reactor)
        self._over = Signal(reactor)
        self._expected: set[Expected] = set()
        self.is_gone = False
        self.process = Process(reactor, pid)
        self.process.ended.addCallback(lambda _: Deferred.fromCoroutine(self._ended()))

    @property
    def is_elsewhere(self) -> bool:
        """Whether the guest is not here yet, or not any more."""
        return self.state in ELSEWHERE

    async def link(self, patience_s: float = CONNECT_TIMEOUT_S) -> None:
        """
        Connect QMP and ask for the state.  Raises QmpGone, QmpRefused.

        patience_s: how long QEMU may take to greet.
        """
        link = await connect(self._reactor, self._socket, self._event, patience_s)
        self._link = link
        link.lost.addCallback(lambda _: self._link_lost())
        self._heard(await link.execute("query-status"))

    def link_in_background(self) -> None:
        """Connect QMP, again and again until it succeeds or the process is gone."""
        Deferred.fromCoroutine(self._relink()).addErrback(self._report)

    async def ask(self, command: str, **arguments: Any) -> Any:
        """QEMU's answer; dashes in names are written as underscores.  Raises HypervisorError."""
        return await self.ask_with(
            command, {key.replace("_", "-"): value for key, value in arguments.items()}
        )

    async def ask_with(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """QEMU's answer.  Raises HypervisorError."""
        if self._link is None:
            raise HypervisorError(f"No connection to the QEMU of {self.name}")
        try:
            return await self._link.execute_with(command, arguments)
        except (QmpGone, QmpRefused) as error:
            words = ": ".join(str(word) for word in error.args)
            raise HypervisorError(f"QEMU of {self.name}, {command}: {words}") from error

    async def ask_quietly(self, command: str, **arguments: Any) -> bool:
        """Whether QEMU did it; that it did not is nothing new."""
        try:
            await self.ask(command, **arguments)
        except HypervisorError as error:
            self._log.debug("guest {name}: {error}", name=self.name, error=error)
            return False
        return True

    def expect(self, name: str, **data: Any) -> Expected:
        """An event of this name and with this data, waited for from now on."""

        def matches(event: Event) -> bool:
            return event.name == name and data.items() <= event.data.items()

        return Expected(self._reactor, matches, self._expected)

    async def migration_event_within(self, seconds: float) -> None:
        """Wait for news of a migration, but not longer than this."""
        waiting = self.expect("MIGRATION")
        try:
            await waiting.within(seconds)
        finally:
            waiting.let_go()

    async def refresh(self) -> str:
        """Ask for the guest's state; QEMU's word for it.  Raises HypervisorError."""
        answer = await self.ask("query-status")
        self._heard(answer)
        return str(answer["status"])

    async def is_running(self) -> bool:
        """QEMU says just now that the guest runs."""
        try:
            return await self.refresh() == "running"
        except HypervisorError:
            return False

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
            self._on_change(Changed(self.name, "reset"))
        elif event.name == "BALLOON_CHANGE":
            mib = int(event.data.get("actual", 0)) // MIB
            self._on_change(Changed(self.name, "balloon", str(mib)))
        elif event.name == "GUEST_PANICKED":
            self._log.warn("guest {name} panicked", name=self.name)
            self._on_change(Changed(self.name, State.CRASHED.value, "guest-panicked"))
        elif event.name in STATE_EVENTS:
            Deferred.fromCoroutine(self.refresh()).addErrback(lambda _: None)
        for each in tuple(self._expected):
            each.see(event)

    def _heard(self, answer: Any) -> None:
        self.status = status = str(answer["status"])
        state = state_of(status, self.is_destination)
        if state is None or state is self.state:
            return
        self._log.info("guest {name} is {status}", name=self.name, status=status)
        self.state = state
        self._on_change(Changed(self.name, state.value, status))

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
        for each in tuple(self._expected):
            each.give_up()

    def _report(self, failure: Any) -> None:
        self._log.failure("guest {name}: no QMP any more", failure=failure, name=self.name)
