"""The bus over a real RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.bus.interface import Delivery, NotPublished
from synnefo_tx.daemon.bus.topology import BoundQueue, standard_queues
from tests.contracts.event_bus import EventBusContract, Recorder, soon
from tests.live.rabbitmq import shared_broker


class AmqpBusContractTests(EventBusContract, TestCase):
    """It does what every bus must."""

    async def make_bus(self, queues: Iterable[BoundQueue] = ()) -> AmqpBus:
        bus = AmqpBus(reactor, shared_broker().url, queues=queues)
        bus.startService()
        self.addCleanup(bus.stopService)
        return bus


class AmqpBusTests(TestCase):
    """What only a bus with a broker promises."""

    def make_bus(self, url: str | None = None, **options: object) -> AmqpBus:
        bus = AmqpBus(reactor, url or shared_broker().url, **options)
        bus.startService()
        self.addCleanup(bus.stopService)
        return bus

    async def test_standard_queues_are_there_first(self) -> None:
        """A cluster's events are kept though no dispatcher has ever run."""
        publisher = self.make_bus(exchange="standard-test", queues=standard_queues("standard"))
        await soon(publisher.publish("ganeti.standard.event.op", b"first"))
        seen = Recorder()
        dispatcher = self.make_bus(exchange="standard-test", queues=())
        await dispatcher.subscribe("standard-events-op", ["ganeti.standard.event.op"], seen)
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"first"])

    async def test_subscribing_before_the_broker_is_reached(self) -> None:
        """Subscribing returns at once during an outage, and publishing knows its queue."""
        bus = AmqpBus(reactor, shared_broker().url, queues=())
        seen = Recorder()
        await soon(bus.subscribe("early-bird", ["test.early"], seen))
        bus.startService()
        self.addCleanup(bus.stopService)
        await soon(bus.publish("test.early", b"bird"))
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"bird"])

    async def test_no_broker(self) -> None:
        """Without a broker publishing fails after the time-out, and says why."""
        bus = self.make_bus("amqp://127.0.0.1:1/", timeout_s=1)
        failure = await self.assertFailure(soon(bus.publish("k", b"")), NotPublished)
        self.assertIn("refused", str(failure))
        self.assertFalse(bus.is_connected)

    async def test_wrong_password(self) -> None:
        """The broker's refusal reaches the operator, the password does not."""
        url = shared_broker().url.replace("guest:guest", "guest:hunter2")
        bus = self.make_bus(url, timeout_s=1.5)
        failure = await self.assertFailure(soon(bus.publish("k", b"")), NotPublished)
        self.assertIn("ACCESS_REFUSED", str(failure))
        self.assertNotIn("hunter2", str(failure))

    async def test_tls(self) -> None:
        """Over TLS, with a certificate that the address says to trust."""
        bus = self.make_bus(shared_broker().tls_url, queues=[BoundQueue("tls", ("test.tls",))])
        await soon(bus.publish("test.tls", b"\0" * 300_000))

    async def test_certificate_nobody_vouches_for(self) -> None:
        """A broker whose certificate we don't trust gets nothing, not even the password."""
        url = shared_broker().tls_url.partition("?")[0]
        bus = self.make_bus(url, timeout_s=1.5)
        failure = await self.assertFailure(soon(bus.publish("k", b"")), NotPublished)
        self.assertIn("certificate verify failed", str(failure))

    async def test_stopped(self) -> None:
        """After the service stopped nothing can be published, at once."""
        bus = self.make_bus()
        await bus.stopService()
        await self.assertFailure(soon(bus.publish("k", b"")), NotPublished)

    async def test_stopping_finishes_what_a_handler_has(self) -> None:
        """Stopping waits for the handler and acknowledges its batch."""
        entered: Deferred[None] = Deferred()
        opened: Deferred[None] = Deferred()

        async def handler(batch: list[Delivery]) -> None:
            entered.callback(None)
            await opened

        bus = self.make_bus(queues=())
        await bus.subscribe("stopping", ["test.stopping"], handler)
        await soon(bus.publish("test.stopping", b"1"))
        await entered
        stopped = bus.stopService()
        self.assertNoResult(stopped)
        opened.callback(None)
        await stopped
        seen = Recorder()
        another = self.make_bus(queues=())
        await another.subscribe("stopping", ["test.stopping"], seen)
        await soon(another.publish("test.stopping", b"2"))
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"2"])

    async def test_restarted_service(self) -> None:
        """A service that was stopped can be started again."""
        bus = self.make_bus(queues=[BoundQueue("restarted", ("test.restarted",))])
        await soon(bus.publish("test.restarted", b"1"))
        await bus.stopService()
        bus.startService()
        await soon(bus.publish("test.restarted", b"2"))
