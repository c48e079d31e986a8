"""The event bus between processes, over a broker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, TimeoutError  # noqa: A004
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from synnefo_tx.daemon.amqp.address import parse
from synnefo_tx.daemon.amqp.channel import BrokerChannel, Gone
from synnefo_tx.daemon.amqp.confirms import NotRoutable, Refused
from synnefo_tx.daemon.amqp.connector import Connector
from synnefo_tx.daemon.amqp.consuming import Consuming, Order
from synnefo_tx.daemon.amqp.dead_letters import headers_without_death, opened
from synnefo_tx.daemon.amqp.declare import declare
from synnefo_tx.daemon.amqp.link import BrokerLink
from synnefo_tx.daemon.bus.interface import (
    Delivery,
    Handler,
    IDeadLetters,
    IPublisher,
    ISubscriber,
    NotPublished,
    Subscription,
)
from synnefo_tx.daemon.bus.limits import check_message, check_subscription
from synnefo_tx.daemon.bus.topology import BoundQueue, matches, standard_queues

REFUSAL_PAUSE_S = 0.5
STOP_TIMEOUT_S = 10.0


@implementer(IPublisher, ISubscriber, IDeadLetters)
class AmqpBus(Service):
    """
    A bus that keeps a link to a broker while it runs, and waits out the broker's outages.

    url: see `synnefo_tx.daemon.amqp.address.parse`, raises BadAddress; the nodes of a broker
    cluster, of which one is tried after the other.  exchange: durable, topic.
    queues: made sure of before anything is published, so that nothing is lost for want of a
    subscriber.  timeout_s: how long `publish` tries.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        url: str | Sequence[str],
        exchange: str = "ganeti",
        queues: Iterable[BoundQueue] | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._reactor = reactor
        self._exchange = exchange
        self._queues = tuple(standard_queues("snf") if queues is None else queues)
        self._timeout_s = timeout_s
        urls = [url] if isinstance(url, str) else url
        self._connector = Connector(reactor, [parse(each) for each in urls], self._prepare)
        self._consuming: dict[str, Consuming] = {}

    def startService(self) -> None:
        super().startService()
        self._connector.start()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    @property
    def is_connected(self) -> bool:
        """There is a broker, and it is ready."""
        return self._connector.session() is not None

    async def publish(
        self, routing_key: str, body: bytes, headers: Mapping[str, object] | None = None
    ) -> None:
        """As IPublisher says.  Headers longer than a frame (128 KiB) raise ValueError too."""
        check_message(routing_key, headers)
        attempt = self._keep_trying(routing_key, bytes(body), headers or {})
        try:
            await Deferred.fromCoroutine(attempt).addTimeout(self._timeout_s, self._reactor)
        except TimeoutError:
            reason = "not confirmed" if self.is_connected else self._connector.trouble
            raise NotPublished(routing_key, f"{reason}, for {self._timeout_s} s") from None
        except Gone as end:
            raise NotPublished(routing_key, str(end)) from None

    async def subscribe(
        self, queue: str, routing_keys: Sequence[str], handler: Handler, prefetch: int = 50
    ) -> Subscription:
        """As ISubscriber says.  During an outage returns at once; it consumes on the return."""
        check_subscription(queue, routing_keys, prefetch)
        if queue in self._consuming:
            raise ValueError(f"queue {queue} has a handler already")
        order = Order(BoundQueue(queue, tuple(routing_keys)), handler, prefetch)
        consuming = Consuming(self._reactor, self._connector, self._exchange, order)
        self._consuming[queue] = consuming
        if self.is_connected:
            await consuming.attempted

        async def cancel() -> None:
            await consuming.stop()
            if self._consuming.get(queue) is consuming:
                del self._consuming[queue]

        return Subscription(queue, cancel)

    async def dead_letters(self, queue: str, limit: int = 100) -> list[Delivery]:
        """As IDeadLetters says.  Waits for a broker as long as it takes."""
        session = await self._connector.ready()
        async with opened(session.link, queue) as letters:
            return [letter.delivery for letter in await letters.take(limit)]

    async def replay(self, queue: str, limit: int = 100) -> int:
        """As IDeadLetters says.  Waits for a broker as long as it takes."""
        session = await self._connector.ready()
        async with opened(session.link, queue) as letters:
            taken = await letters.take(limit)
            for letter in taken:
                delivery = letter.delivery
                headers = headers_without_death(delivery.headers)
                await self.publish(delivery.routing_key, delivery.body, headers)
                letters.drop(letter)
        return len(taken)

    async def drop(self, queue: str, limit: int = 100) -> int:
        """As IDeadLetters says.  Waits for a broker as long as it takes."""
        session = await self._connector.ready()
        async with opened(session.link, queue) as letters:
            taken = await letters.take(limit)
            for letter in taken:
                letters.drop(letter)
        return len(taken)

    async def _keep_trying(
        self, routing_key: str, body: bytes, headers: Mapping[str, object]
    ) -> None:
        restored = False
        while True:
            session = await self._connector.ready()
            try:
                await session.publishing.publish(self._exchange, routing_key, body, headers)
            except NotRoutable:
                if restored or not self._should_be_routable(routing_key):
                    raise NotPublished(routing_key, "no queue takes it") from None
                restored = await self._restore(session.link)
            except Gone as end:
                self._log.debug("{key} is sent again: {reason}", key=routing_key, reason=str(end))
            except Refused:
                await deferLater(self._reactor, REFUSAL_PAUSE_S)
            else:
                return

    def _known_queues(self) -> list[BoundQueue]:
        return [*self._queues, *(each.order.queue for each in self._consuming.values())]

    def _should_be_routable(self, routing_key: str) -> bool:
        return any(
            matches(pattern, routing_key)
            for queue in self._known_queues()
            for pattern in queue.routing_keys
        )

    async def _restore(self, link: BrokerLink) -> bool:
        """Somebody deleted a queue of ours: make it again.  True, having been tried."""
        self._log.warn("a queue of the bus is gone, making it again")
        try:
            channel = await link.open_channel()
            await declare(channel, self._exchange, self._known_queues())
            await channel.leave()
        except Gone as end:
            self._log.warn("the queues could not be made again: {reason}", reason=str(end))
        return True

    async def _prepare(self, link: BrokerLink) -> BrokerChannel:
        """The publishing channel of a new link, once all known queues are there."""
        channel = await link.open_channel()
        await declare(channel, self._exchange, self._known_queues())
        await channel.confirm_select()
        return channel

    async def _stop(self) -> None:
        stops = [Deferred.fromCoroutine(consuming.stop()) for consuming in self._consuming.values()]
        try:
            await DeferredList(stops).addTimeout(STOP_TIMEOUT_S, self._reactor)
        except TimeoutError:
            self._log.warn("a handler did not return within {seconds} s", seconds=STOP_TIMEOUT_S)
        self._consuming.clear()
        await self._connector.stop()
