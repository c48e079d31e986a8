"""The exchanges and queues of the bus, as the broker is told of them."""

from __future__ import annotations

from collections.abc import Iterable

from synnefo_tx.daemon.amqp.channel import BrokerChannel
from synnefo_tx.daemon.bus.topology import BoundQueue, dead_letter_queue


def dead_letter_exchange(exchange: str) -> str:
    """Where the poison of the queues of `exchange` goes."""
    return f"{exchange}-dl"


async def declare(channel: BrokerChannel, exchange: str, queues: Iterable[BoundQueue]) -> None:
    """
    Make sure that `exchange` and `queues` with their twins exist.  Idempotent.

    A dead letter carries its queue's name as routing key (the first key stays in `x-death`), so
    that two queues that take the same message don't share their dead letters.
    Raises Gone when the broker has one of that name of another make.
    """
    dead_letters = dead_letter_exchange(exchange)
    for name in (exchange, dead_letters):
        await channel.exchange_declare(exchange=name, type="topic", durable=True)
    for queue in queues:
        await _declare_queue(channel, exchange, queue)


async def _declare_queue(channel: BrokerChannel, exchange: str, queue: BoundQueue) -> None:
    dead_letters = dead_letter_exchange(exchange)
    twin = dead_letter_queue(queue.name)
    await channel.queue_declare(queue=twin, durable=True)
    await channel.queue_bind(queue=twin, exchange=dead_letters, routing_key=queue.name)
    await channel.queue_declare(
        queue=queue.name,
        durable=True,
        arguments={
            "x-dead-letter-exchange": dead_letters,
            "x-dead-letter-routing-key": queue.name,
        },
    )
    for routing_key in queue.routing_keys:
        await channel.queue_bind(queue=queue.name, exchange=exchange, routing_key=routing_key)
