"""
Each fault measured in txamqp 0.8.2, and each way a broker fails, on a real RabbitMQ.

The faults: text that is not ASCII, long bodies, `x-death`, header types, a wedged writer, no
confirms, no word of a cancelled consumer, heartbeats not agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from synnefo_tx.daemon.amqp.address import parse
from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.amqp.channel import BrokerChannel, Gone
from synnefo_tx.daemon.amqp.confirms import NotRoutable
from synnefo_tx.daemon.amqp.field_tables import Unencodable
from synnefo_tx.daemon.amqp.link import LONGEST_FRAME_BYTES, BrokerLink
from synnefo_tx.daemon.bus.interface import Delivery, NotPublished, PoisonMessage
from synnefo_tx.daemon.bus.topology import BoundQueue
from tests.contracts.event_bus import Recorder, soon
from tests.live.rabbitmq import shared_broker


class LiveTestCase(TestCase):
    """Buses and links on the shared broker, closed afterwards."""

    def make_bus(self, **options: Any) -> AmqpBus:
        url = shared_broker().url + options.pop("query", "")
        bus = AmqpBus(reactor, url, **{"queues": (), **options})
        bus.startService()
        self.addCleanup(bus.stopService)
        return bus

    async def make_link(self, query: str = "") -> BrokerLink:
        address = parse(shared_broker().url + query)
        factory = Factory.forProtocol(lambda: BrokerLink(reactor, address))
        factory.noisy = False
        link = await address.endpoint(reactor).connect(factory)
        await link.opened()
        self.addCleanup(lambda: Deferred.fromCoroutine(link.goodbye()))
        return link

    async def make_channel(self) -> BrokerChannel:
        channel = await (await self.make_link()).open_channel()
        await channel.confirm_select()
        return channel

    def names(self) -> tuple[str, str]:
        unique = uuid4().hex[:12]
        return f"fault-{unique}", f"fault.{unique}"

    async def eventually(self, condition: Any, timeout_s: float = 15.0) -> None:
        """Return when `condition()` holds."""
        deadline = reactor.seconds() + timeout_s
        while not condition():
            self.assertLess(reactor.seconds(), deadline, "it never came true")
            await deferLater(reactor, 0.02)


class CodecFaultTests(LiveTestCase):
    """Text, lengths and header types."""

    async def sent_and_got(self, body: bytes, headers: dict[str, Any]) -> Any:
        channel = await self.make_channel()
        queue, _ = self.names()
        await channel.queue_declare(queue=queue, exclusive=True)
        await channel.publish("", queue, body, headers)
        return (await channel.basic_get(queue=queue, no_ack=True)).content

    async def test_greek_queue(self) -> None:
        """A queue, its key, a header and a body may all be Greek."""
        bus = self.make_bus()
        seen = Recorder()
        queue = f"ουρά-{uuid4().hex}"
        await bus.subscribe(queue, [f"κλειδί.{queue}"], seen)
        await soon(bus.publish(f"κλειδί.{queue}", "μηχλνή «Ήρλ»".encode(), {"όνομλ": "Ήρλ"}))
        await seen.until(1)
        (delivery,) = seen.handled
        self.assertEqual(delivery.body.decode(), "μηχλνή «Ήρλ»")
        self.assertEqual(
            (delivery.routing_key, delivery.headers), (f"κλειδί.{queue}", {"όνομλ": "Ήρλ"})
        )

    async def test_bodies_around_the_frame_length(self) -> None:
        """A body is whole at each length near one frame's, and over many frames."""
        room = LONGEST_FRAME_BYTES - 8
        pattern = bytes(range(256)) * (1 << 13)
        for size in (0, 1, room - 1, room, room + 1, 2 * room, 2 * room + 1, 1 << 20, 1 << 21):
            content = await self.sent_and_got(pattern[:size], {})
            self.assertTrue(content.body == pattern[:size], f"{size} bytes")

    async def test_every_header_type(self) -> None:
        """RabbitMQ takes each type and gives it back."""
        headers = {
            "none": None,
            "true": True,
            "negative": -1,
            "lowest": -(2**63),
            "highest": 2**63 - 1,
            "over 32 bits": 2**32,
            "float": -0.1,
            "text": "Ελλάδλ",
            "bytes": b"\xff\x00",
            "time": datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
            "decimal": Decimal("-12.345"),
            "array": [1, "λ", None, [False], {"in": [2.5]}],
            "table": {"nested": {"deeper": {"n": -5}}},
            "empty": {},
        }
        content = await self.sent_and_got(b"", headers)
        self.assertEqual(content.properties["headers"], headers)

    async def test_bad_header_stops_nothing(self) -> None:
        """A header that can't travel is refused before a byte is written; the next goes out."""
        channel = await self.make_channel()
        queue, _ = self.names()
        await channel.queue_declare(queue=queue, exclusive=True)
        for bad in (object(), 2**63, "\ud800", "x" * LONGEST_FRAME_BYTES):
            self.assertRaises(Unencodable, channel.publish, "", queue, b"bad", {"h": bad})
        await soon(channel.publish("", queue, b"good", {}))
        got = await channel.basic_get(queue=queue, no_ack=True)
        self.assertEqual((got.content.body, got.message_count), (b"good", 0))

    async def test_death_record(self) -> None:
        """A dead letter's record is read, and tells queue, reason, key and time."""
        bus = self.make_bus()
        queue, key = self.names()

        async def refuse(batch: Sequence[Delivery]) -> None:
            raise PoisonMessage("as told")

        await bus.subscribe(queue, [key], refuse)
        await soon(bus.publish(key, b"x"))
        letters: list[Delivery] = []
        while not letters:
            letters = await soon(bus.dead_letters(queue))
        (death,) = letters[0].headers["x-death"]
        self.assertEqual(
            (death["queue"], death["reason"], death["count"], death["routing-keys"]),
            (queue, "rejected", 1, [key]),
        )
        self.assertLess(abs((datetime.now(UTC) - death["time"]).total_seconds()), 60)


class ProtocolFaultTests(LiveTestCase):
    """Confirms, cancelled consumers, heartbeats."""

    async def test_confirmed_means_stored(self) -> None:
        """Once confirmed the message is counted in its queue."""
        channel = await self.make_channel()
        queue, _ = self.names()
        await channel.queue_declare(queue=queue, exclusive=True)
        sent = [channel.publish("", queue, b"%d" % number, {}) for number in range(50)]
        for each in sent:
            await soon(each)
        counted = await channel.queue_declare(queue=queue, passive=True)
        self.assertEqual(counted.message_count, 50)

    async def test_unroutable_is_told_apart(self) -> None:
        """Among messages under way, the one that no queue takes fails alone."""
        channel = await self.make_channel()
        queue, _ = self.names()
        await channel.queue_declare(queue=queue, exclusive=True)
        sent = [channel.publish("", to, b"x", {}) for to in (queue, f"no-{queue}", queue)]
        await soon(sent[0])
        await self.assertFailure(soon(sent[1]), NotRoutable)
        await soon(sent[2])

    async def test_unconfirmed_is_not_published(self) -> None:
        """A broker that takes the bytes and says nothing has published nothing."""
        queue, key = self.names()
        bus = self.make_bus(queues=[BoundQueue(queue, (key,))], timeout_s=1)
        await soon(bus.publish(key, b"1"))
        shared_broker().pause()
        try:
            await self.assertFailure(soon(bus.publish(key, b"2")), NotPublished)
        finally:
            shared_broker().resume()
        await soon(bus.publish(key, b"3"))

    async def test_channel_error_has_its_code(self) -> None:
        """What the broker refuses ends the channel with its code, and only the channel."""
        link = await self.make_link()
        channel = await link.open_channel()
        error = await self.assertFailure(
            soon(channel.queue_declare(queue=self.names()[0], passive=True)), Gone
        )
        self.assertEqual(error.code, 404)
        self.assertRaises(Gone, channel.basic_get, queue="any")
        again = await link.open_channel()
        self.assertEqual(again.id, channel.id)
        await again.leave()

    async def test_cancelled_consumer_is_heard(self) -> None:
        """When its queue is deleted, a subscription makes it anew and goes on."""
        bus = self.make_bus()
        queue, key = self.names()
        seen = Recorder()
        await bus.subscribe(queue, [key], seen)
        await soon(bus.publish(key, b"before"))
        await seen.until(1)
        channel = await self.make_channel()
        await channel.queue_delete(queue=queue)

        async def published() -> bool:
            try:
                await bus.publish(key, b"after")
            except NotPublished:
                return False
            return True

        while not await soon(published()):
            await deferLater(reactor, 0.05)
        await seen.until(2)
        self.assertEqual(seen.bodies, [b"before", b"after"])

    async def test_deleted_queue_is_made_anew(self) -> None:
        """When a queue that the bus declared vanishes, publishing to it makes it again."""
        queue, key = self.names()
        bus = self.make_bus(queues=[BoundQueue(queue, (key,))])
        await soon(bus.publish(key, b"1"))
        channel = await self.make_channel()
        await channel.queue_delete(queue=queue)
        await soon(bus.publish(key, b"2"))
        counted = await channel.queue_declare(queue=queue, passive=True)
        self.assertEqual(counted.message_count, 1)

    async def test_queue_of_another_make(self) -> None:
        """A subscription to a queue that is not ours waits until it is out of the way."""
        channel = await self.make_channel()
        queue, key = self.names()
        await channel.queue_declare(queue=queue, durable=True)
        bus = self.make_bus()
        await self.eventually(lambda: bus.is_connected)
        seen = Recorder()
        await soon(bus.subscribe(queue, [key], seen))
        await channel.queue_delete(queue=queue)
        while True:
            try:
                await soon(bus.publish(key, b"at last"))
                break
            except NotPublished:
                await deferLater(reactor, 0.05)
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"at last"])

    async def test_deleted_exchange_is_made_anew(self) -> None:
        """When the exchange vanishes, the bus makes it again and the message is sent."""
        queue, key = self.names()
        exchange = f"exchange-{queue}"
        bus = self.make_bus(exchange=exchange, queues=[BoundQueue(queue, (key,))])
        await soon(bus.publish(key, b"1"))
        channel = await self.make_channel()
        await channel.exchange_delete(exchange=exchange)
        await soon(bus.publish(key, b"2"))
        counted = await channel.queue_declare(queue=queue, passive=True)
        self.assertEqual(counted.message_count, 2)

    async def test_heartbeat_is_the_broker_s(self) -> None:
        """Without a wish of ours we keep the broker's interval, else the shorter of both."""
        self.assertEqual((await self.make_link()).heartbeat.interval_s, 60)
        self.assertEqual((await self.make_link("?heartbeat=7")).heartbeat.interval_s, 7)
        self.assertEqual((await self.make_link("?heartbeat=900")).heartbeat.interval_s, 60)

    async def test_idle_link_lives(self) -> None:
        """An idle link outlives the silence after which the broker would end it."""
        link = await self.make_link("?heartbeat=1")
        await deferLater(reactor, 4)
        channel = await soon(link.open_channel())
        self.assertFalse(channel.closed)

    async def test_silent_broker_is_noticed(self) -> None:
        """A broker that stands still is given up after two intervals, and found again."""
        queue, key = self.names()
        bus = self.make_bus(query="?heartbeat=1", queues=[BoundQueue(queue, (key,))])
        await soon(bus.publish(key, b"1"))
        paused_at = reactor.seconds()
        shared_broker().pause()
        try:
            await self.eventually(lambda: not bus.is_connected)
        finally:
            shared_broker().resume()
        self.assertLess(reactor.seconds() - paused_at, 10)  # TCP alone: minutes
        await soon(bus.publish(key, b"2"))


class KilledBrokerTests(LiveTestCase):
    """kill -9 of the broker, at the worst moment."""

    async def test_nothing_is_lost(self) -> None:
        """
        What was confirmed survives, what was not is sent again, what was not acknowledged comes
        again; the handler sees the order of publishing and is never called twice at once.
        """
        broker = shared_broker()
        queue, key = self.names()
        bus = self.make_bus(timeout_s=60)
        handler = SlowHandler(held_from=60)
        await bus.subscribe(queue, [key], handler, prefetch=20)
        bodies = [b"%d" % number for number in range(300)]
        sent = [Deferred.fromCoroutine(bus.publish(key, body)) for body in bodies[:150]]
        await self.eventually(lambda: handler.is_held)
        sent += [Deferred.fromCoroutine(bus.publish(key, body)) for body in bodies[150:]]
        await deferLater(reactor, 0)
        broker.kill()
        await self.eventually(lambda: not bus.is_connected)
        handler.let_go()
        await deferToThread(broker.restart)
        for each in sent:
            await each
        await self.eventually(lambda: bodies[-1] in handler.bodies)
        self.assertEqual(list(dict.fromkeys(handler.bodies)), bodies)
        self.assertTrue(handler.saw_redelivered)
        self.assertEqual(handler.most_inside, 1)

    async def test_another_node_is_tried(self) -> None:
        """With several addresses the bus goes on to one that answers."""
        url = shared_broker().url
        queue, key = self.names()
        bus = AmqpBus(reactor, ["amqp://127.0.0.1:1/", url], queues=[BoundQueue(queue, (key,))])
        bus.startService()
        self.addCleanup(bus.stopService)
        await soon(bus.publish(key, b"x"))

    async def test_confirmed_messages_survive(self) -> None:
        """Messages confirmed before the kill are in the queue after it."""
        broker = shared_broker()
        queue, key = self.names()
        bus = self.make_bus(queues=[BoundQueue(queue, (key,))])
        bodies = [b"%d" % number for number in range(100)]
        for each in [soon(bus.publish(key, body)) for body in bodies]:
            await each
        broker.kill()
        await deferToThread(broker.restart)
        seen = Recorder()
        await self.eventually(lambda: bus.is_connected)
        await bus.subscribe(queue, [key], seen)
        await seen.until(100)
        self.assertEqual(seen.bodies, bodies)


class SlowHandler:
    """Holds the batch with message `held_from` until let go."""

    def __init__(self, held_from: int) -> None:
        self.bodies: list[bytes] = []
        self.inside = self.most_inside = 0
        self.is_held = False
        self.saw_redelivered = False
        self._held_from = held_from
        self._gate: Deferred[None] = Deferred()

    def let_go(self) -> None:
        self._gate.callback(None)

    async def __call__(self, batch: Sequence[Delivery]) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        if any(int(each.body) >= self._held_from for each in batch) and not self._gate.called:
            self.is_held = True
            await self._gate
        await deferLater(reactor, 0)
        self.saw_redelivered |= any(each.redelivered for each in batch)
        self.bodies.extend(each.body for each in batch)
        self.inside -= 1
