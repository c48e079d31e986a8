"""The messages that handlers called poison, as the broker keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from txamqp.message import Message

from synnefo_tx.daemon.amqp.channel import BrokerChannel, Gone
from synnefo_tx.daemon.amqp.link import BrokerLink
from synnefo_tx.daemon.bus.handing import Held
from synnefo_tx.daemon.bus.interface import Delivery, NoSuchQueue
from synnefo_tx.daemon.bus.topology import dead_letter_queue

NOT_FOUND = 404
BROKER_HEADERS = ("x-death", "x-first-death-", "x-last-death-")


class DeadLetters:
    """One queue's dead letters, in hand until the channel is left."""

    def __init__(self, channel: BrokerChannel, queue: str) -> None:
        self._channel = channel
        self._queue = queue

    async def take(self, limit: int) -> list[Held]:
        """
        The oldest, at most `limit`.  What is not dropped goes back to its place.

        Raises Gone, NoSuchQueue.
        """
        taken: list[Held] = []
        while len(taken) < limit:
            message = await self._get()
            if message.method.name == "get-empty":
                break
            taken.append(Held(_as_published(message), message.delivery_tag))
        return taken

    def drop(self, letter: Held) -> None:
        """It is safe elsewhere."""
        self._channel.basic_ack(delivery_tag=letter.token)

    async def _get(self) -> Message:
        try:
            return await self._channel.basic_get(queue=dead_letter_queue(self._queue))
        except Gone as end:
            if end.code == NOT_FOUND:
                raise NoSuchQueue(self._queue) from None
            raise


@asynccontextmanager
async def opened(link: BrokerLink, queue: str) -> AsyncIterator[DeadLetters]:
    """The dead letters of `queue` over a channel of their own."""
    channel = await link.open_channel()
    try:
        yield DeadLetters(channel, queue)
    finally:
        await channel.leave()


def headers_without_death(headers: Mapping[str, Any]) -> dict[str, Any]:
    """What the publisher sent, of a dead letter's headers."""
    return {name: value for name, value in headers.items() if not name.startswith(BROKER_HEADERS)}


def _as_published(message: Message) -> Delivery:
    """With the routing key it first had, which its last death records."""
    headers: dict[str, Any] = message.content.properties.get("headers", {})
    deaths = headers.get("x-death") or [{}]
    keys = deaths[0].get("routing-keys") or [message.routing_key]
    return Delivery(keys[0], message.content.body, headers, bool(message.redelivered))
