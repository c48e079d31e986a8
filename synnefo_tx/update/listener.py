"""
The update listener: news from the bus into the database, acknowledged after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.daemon.bus.interface import Delivery, ISubscriber, PoisonMessage, Subscription
from synnefo_tx.daemon.bus.topology import standard_queues
from synnefo_tx.effect.plan import PREFIX
from synnefo_tx.store.database import Database
from synnefo_tx.update.messages import News, Unreadable, read
from synnefo_tx.update.rows.batch import take_in


class UpdateListener(Service):
    """
    One a dispatcher; several may share the queues.
    """

    _log = Logger()

    def __init__(self, database: Database, bus: ISubscriber, clock: Callable[[], float]) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._subscriptions: list[Subscription] = []

    def startService(self) -> None:
        super().startService()
        Deferred.fromCoroutine(self._subscribe()).addErrback(
            lambda failure: self._log.failure("could not subscribe", failure=failure)
        )

    async def _subscribe(self) -> None:
        for queue in standard_queues(PREFIX):
            self._subscriptions.append(
                await self._bus.subscribe(queue.name, queue.routing_keys, self.take)
            )

    def stopService(self) -> Deferred[None]:
        super().stopService()

        async def cancel() -> None:
            for subscription in self._subscriptions:
                await subscription.cancel()

        return Deferred.fromCoroutine(cancel())

    async def take(self, batch: Sequence[Delivery]) -> None:
        """
        Returns when the batch is committed.  Raises PoisonMessage for one that can't be read.
        """
        news: list[News] = []
        for delivery in batch:
            message = read(delivery.body)
            if isinstance(message, Unreadable):
                self._log.error(
                    "message of {key} can't be read: {reason}",
                    key=delivery.routing_key,
                    reason=message.reason,
                )
                raise PoisonMessage(message.reason)
            news.append(message)
        await self._database.write(take_in, news, int(self._clock() * 1e6))
