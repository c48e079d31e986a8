"""One handler at work on one queue, over as many links as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from txamqp.message import Message

from synnefo_tx.daemon.amqp.channel import BrokerChannel, Gone, Inbox
from synnefo_tx.daemon.amqp.connector import Connector, Session
from synnefo_tx.daemon.amqp.declare import declare
from synnefo_tx.daemon.bus.handing import Hands, Held
from synnefo_tx.daemon.bus.interface import Delivery, Handler
from synnefo_tx.daemon.bus.topology import BoundQueue

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0


@frozen
class Order:
    """What a subscriber asked for."""

    queue: BoundQueue
    handler: Handler
    prefetch: int


class Stopped(Exception):
    """Nobody wants the messages any more."""


@frozen
class _OnChannel:
    """Tells the broker the fate of its messages, while it listens."""

    channel: BrokerChannel

    def accept(self, batch: Sequence[Held]) -> None:
        if not self.channel.closed:
            self.channel.basic_ack(delivery_tag=batch[-1].token, multiple=True)

    def bury(self, held: Held) -> None:
        if not self.channel.closed:
            self.channel.basic_reject(delivery_tag=held.token, requeue=False)


class Consuming:
    """
    Consumes a queue until stopped.

    A new link is used only after the handler has let go of what the old one brought, so the
    handler never runs twice at once.
    """

    _log = Logger()

    def __init__(self, reactor: Any, connector: Connector, exchange: str, order: Order) -> None:
        self._reactor = reactor
        self._connector = connector
        self._exchange = exchange
        self.order = order
        self._stopping = False
        self._inbox: Inbox | None = None
        self._idle: Deferred[Any] | None = None
        self.attempted: Deferred[None] = Deferred()
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: self._log.failure("consumer died", failure))

    async def stop(self) -> None:
        """Return when the handler has let go of what it holds and the broker knows it."""
        self._stopping = True
        if self._inbox is not None:
            self._inbox.close(Stopped())
        if self._idle is not None:
            self._idle.cancel()
        done: Deferred[None] = Deferred()
        self._running.addBoth(lambda _: done.callback(None))
        await done

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            try:
                session = await self._interruptible(self._connector.ready())
                await self._consume(session)
            except (CancelledError, Stopped):
                self._stopping = True
            except Gone as end:
                self._log.warn("no longer consuming {queue}: {reason}",
                               queue=self.order.queue.name, reason=str(end))  # fmt: skip
            except Exception:  # noqa: BLE001 - whatever it is, we try again
                self._log.failure("consuming {queue} failed", queue=self.order.queue.name)
            self._tried()
            if self._connector.session() is None:
                pause_s = FIRST_PAUSE_S  # the connector does the waiting
            elif not self._stopping:
                await self._sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _consume(self, session: Session) -> None:
        """Until the inbox closes, whose reason is raised."""
        channel = await session.link.open_channel()
        queue = self.order.queue
        hands = Hands(self._reactor, queue.name, self.order.handler)
        inbox = self._inbox = channel.inbox = Inbox(hands.let_go)
        try:
            await declare(channel, self._exchange, [queue])
            await channel.basic_qos(prefetch_count=self.order.prefetch)
            await channel.basic_consume(queue=queue.name)
            self._log.info("consuming {queue}", queue=queue.name)
            self._tried()
            while True:
                batch = [_held(message) for message in await inbox.batch(self.order.prefetch)]
                await hands.hand_over(batch, _OnChannel(channel))
        finally:
            self._inbox = None
            await channel.leave()

    def _tried(self) -> None:
        if not self.attempted.called:
            self.attempted.callback(None)

    async def _interruptible(self, waiting: Deferred[Any]) -> Any:
        self._idle = waiting
        try:
            return await waiting
        finally:
            self._idle = None

    async def _sleep(self, seconds: float) -> None:
        try:
            await self._interruptible(deferLater(self._reactor, seconds))
        except CancelledError:
            return


def _held(message: Message) -> Held:
    content = message.content
    delivery = Delivery(
        message.routing_key,
        content.body,
        content.properties.get("headers", {}),
        bool(message.redelivered),
    )
    return Held(delivery, message.delivery_tag)
