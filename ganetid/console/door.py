"""
Who may come in: a token is checked, used up, and its console connected.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.console.relay import GuestLink, Limits
from ganetid.console.spent import SpentTokens
from ganetid.console.tokens import BadToken, Kind, Ticket, read_token

CONNECT_S = 5


class NotToday(Exception):
    """There are too many sessions, or the guest's console can't be reached."""


@frozen
class Guard:
    """What tokens are judged by.  Paths of consoles must be in one of the directories."""

    secret: bytes = field(repr=False)
    node: str
    directories: tuple[Path, ...]
    spent: SpentTokens


@frozen
class Session:
    """A console that somebody is let in to; `end` is to be called when the session is over."""

    ticket: Ticket
    guest: GuestLink
    end: Callable[[], None]


class Door:
    """Lets clients with good tokens to guests' consoles."""

    _log = Logger()

    def __init__(self, reactor: Any, guard: Guard, limits: Limits) -> None:
        self.limits = limits
        self.reactor = reactor
        self.clients: dict[object, Callable[[], None]] = {}  # how to be rid of each at once
        self._guard = guard
        self._of_guests: Counter[str] = Counter()
        self._serials: dict[str, GuestLink] = {}

    @property
    def sessions(self) -> int:
        """How many there are now."""
        return self._of_guests.total()

    async def open(self, token: str, kinds: frozenset[Kind]) -> Session:
        """
        The console that a token is for.

        A guest's serial port has one user: the newest.  Raises BadToken, NotToday.
        """
        guard = self._guard
        found = read_token(guard.secret, token, guard.node, self.reactor.seconds())
        if found.kind not in kinds:
            raise BadToken(f"for another kind of console, {found.kind}")
        if self.sessions >= self.limits.sessions:
            raise NotToday("too many sessions")
        if self._of_guests[found.instance] >= self.limits.sessions_of_guest:
            raise NotToday(f"too many sessions of {found.instance}")
        self._of_guests[found.instance] += 1
        try:
            await deferToThread(self._use_up, found)
            guest = await self._connect(found)
        except BaseException:
            self._leave(found)
            raise
        self._log.info("console {kind} of {name} opened", kind=found.kind, name=found.instance)
        return Session(found, guest, lambda: self._end(found, guest))

    def _use_up(self, ticket: Ticket) -> None:
        place = Path(os.path.realpath(ticket.place))
        allowed = (Path(os.path.realpath(each)) for each in self._guard.directories)
        if not any(each in place.parents for each in allowed):
            raise BadToken(f"leads to {ticket.place}")
        self._guard.spent.spend(ticket)

    async def _connect(self, ticket: Ticket) -> GuestLink:
        if ticket.kind == "serial":
            former = self._serials.pop(ticket.place, None)
            if former is not None:
                former.close("another session has the serial port now")
        factory = Factory.forProtocol(lambda: GuestLink(self.reactor))
        endpoint = UNIXClientEndpoint(self.reactor, ticket.place, timeout=CONNECT_S)
        try:
            guest: GuestLink = await endpoint.connect(factory)
        except Exception as error:
            raise NotToday(f"console of {ticket.instance}: {error}") from error
        if ticket.kind == "serial":
            self._serials[ticket.place] = guest
        return guest

    def _end(self, ticket: Ticket, guest: GuestLink) -> None:
        if self._serials.get(ticket.place) is guest:
            del self._serials[ticket.place]
        self._leave(ticket)
        self._log.info("console {kind} of {name} closed", kind=ticket.kind, name=ticket.instance)

    def _leave(self, ticket: Ticket) -> None:
        self._of_guests[ticket.instance] -= 1
        if not self._of_guests[ticket.instance]:
            del self._of_guests[ticket.instance]
