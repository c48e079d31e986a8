"""Keeps a link to the broker up, and tells those who wait for one."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from typing import Any, cast

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger

from synnefo_tx.daemon.amqp.address import BrokerAddress
from synnefo_tx.daemon.amqp.channel import BrokerChannel, Gone
from synnefo_tx.daemon.amqp.link import BrokerLink

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
SOUND_AFTER_S = 10.0  # a session that lasted so long starts the pauses anew


@frozen
class Session:
    """A link that is ready for use.  publishing: its channel in confirm mode."""

    link: BrokerLink
    publishing: BrokerChannel


class Connector:
    """
    Connects, and connects again, for as long as it runs.

    addresses: nodes of one broker, one of them at least; tried in turn.
    prepare: makes a link ready before anybody uses it; when it fails the link is given up.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        addresses: Sequence[BrokerAddress],
        prepare: Callable[[BrokerLink], Awaitable[BrokerChannel]],
    ) -> None:
        self._reactor = reactor
        self._addresses = cycle(addresses)
        self._address = next(self._addresses)
        self._prepare = prepare
        self._session: Session | None = None
        self._waiting: list[Deferred[Session]] = []
        self._running: Deferred[None] | None = None
        self._idle: Deferred[Any] | None = None
        self._opening: BrokerLink | None = None
        self._stopping = False
        self.trouble = "not connected yet"

    def start(self) -> None:
        """Begin to connect.  Returns at once."""
        self._stopping = False
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: self._log.failure("connector died", failure))

    async def stop(self) -> None:
        """End the link; those who wait for one get Gone."""
        self._stopping = True
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.errback(Gone("the bus has stopped"))
        if self._opening is not None:
            self._opening.abort(Gone("the bus has stopped"))
        if self._session is not None:
            await self._session.link.goodbye()
        if self._idle is not None:
            self._idle.cancel()
        if self._running is not None:
            await self._running
        self._running = None

    def session(self) -> Session | None:
        """The session, if there is one now."""
        if self._session is None or self._session.publishing.closed:
            return None
        return self._session

    def ready(self) -> Deferred[Session]:
        """The session as soon as there is one, to each in the order of asking.  Cancellable."""
        waiting: Deferred[Session] = Deferred(self._waiting_cancelled)
        session = self.session()
        if session is not None:
            waiting.callback(session)
        elif self._stopping:
            waiting.errback(Gone("the bus has stopped"))
        else:
            self._waiting.append(waiting)
        return waiting

    def _waiting_cancelled(self, waiting: Deferred[Session]) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            began = self._reactor.seconds()
            try:
                self.trouble = await self._once()
            except CancelledError:
                self.trouble = "stopped"
            except Exception as error:  # noqa: BLE001 - whatever it is, we try again
                self.trouble = str(error) or type(error).__name__
            if self._stopping:
                return
            if self._reactor.seconds() - began > SOUND_AFTER_S:
                pause_s = FIRST_PAUSE_S
            await self._sleep(pause_s)
            self._address = next(self._addresses)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _once(self) -> str:
        """One link from its beginning to its end, which it returns.  Raises what prevented it."""
        factory = Factory.forProtocol(lambda: BrokerLink(self._reactor, self._address))
        factory.noisy = False
        self._idle = self._address.endpoint(self._reactor).connect(factory)
        try:
            link = cast(BrokerLink, await self._idle)
        finally:
            self._idle = None
        self._opening = link
        try:
            await link.opened()
            session = Session(link, await self._prepare(link))
        except BaseException:
            link.abort(Gone("the link could not be made ready"))
            raise
        finally:
            self._opening = None
        return await self._keep(session)

    async def _keep(self, session: Session) -> str:
        if self._stopping:
            await session.link.goodbye()
            return "stopped"
        self._session = session
        self._log.info("connected to broker {broker}", broker=str(self._address))
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(session)
        reason = await session.publishing.ended
        self._session = None
        if not self._stopping:
            self._log.warn("lost broker {broker}: {reason}",
                           broker=str(self._address), reason=str(reason))  # fmt: skip
        session.link.abort(reason)
        await session.link.lost()
        return str(reason)

    async def _sleep(self, seconds: float) -> None:
        self._log.warn(
            "no broker at {broker} ({reason}), another try in {seconds:.1f} s",
            broker=str(self._address), reason=self.trouble, seconds=seconds,
        )  # fmt: skip
        spread = seconds * random.uniform(0.8, 1.2)
        self._idle = deferLater(self._reactor, spread)
        try:
            await self._idle
        except CancelledError:
            pass
        finally:
            self._idle = None
