"""
A real broker dies under load and comes back: every event arrives, in order for each instance.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.bus.interface import Delivery
from synnefo_tx.daemon.bus.topology import BoundQueue
from tests.ganetid.cluster import ClusterTestCase, create_body
from tests.live.rabbitmq import RabbitBroker

KEY = "ganeti.snf.event.op"
INSTANCES = 30
STATUSES = ["queued", "waiting", "running", "success"]


class BrokerOutageTests(ClusterTestCase):
    """The broker is killed while instances are created, and started again later."""

    timeout = 120

    def setUp(self) -> None:
        super().setUp()
        self.heard: list[dict[str, Any]] = []

    async def begin(self) -> None:
        """A broker of our own, a bus for ganetid and one that listens."""
        self.broker = await deferToThread(RabbitBroker.start)
        self.addCleanup(lambda: deferToThread(self.broker.stop))
        queue = f"outage-{uuid.uuid4().hex[:8]}"
        queues = (BoundQueue(queue, (KEY,)),)
        self.listener = await self.bus(queues)  # type: ignore[assignment]
        listening = await self.bus(queues)
        await listening.subscribe(queue, [KEY], self.hear)

    async def bus(self, queues: Sequence[BoundQueue]) -> AmqpBus:
        bus = AmqpBus(reactor, self.broker.url, queues=queues, timeout_s=3.0)
        bus.startService()
        self.addCleanup(bus.stopService)
        return bus

    async def hear(self, deliveries: Sequence[Delivery]) -> None:
        self.heard += [json.loads(delivery.body) for delivery in deliveries]

    def firsts(self) -> dict[str, list[str]]:
        """Statuses of each instance in order of their first arrival."""
        seen: dict[str, list[str]] = defaultdict(list)
        for news in self.heard:
            if news["status"] not in seen[news["instance"]]:
                seen[news["instance"]].append(news["status"])
        return seen

    async def test_killed_under_load(self) -> None:
        """Jobs go on without the broker; nothing is lost or overtaken, and times only grow."""
        await self.begin()
        client = await self.start()
        names = [f"snf-{uuid.uuid4()}" for _ in range(INSTANCES)]
        jobs = []
        for number, name in enumerate(names):
            body = create_body(name, disk_template="diskless", disks=[])
            jobs.append(await client.submit("POST", "/2/instances", body))
            if number == INSTANCES // 3:
                await deferToThread(self.broker.kill)
        for job in jobs:
            self.assertEqual((await client.ended(job))["status"], "success")
        await deferToThread(self.broker.restart)
        await self.eventually(
            lambda: all(self.firsts()[name][-1:] == ["success"] for name in names)
        )
        self.assertEqual(
            {name: self.firsts()[name] for name in names}, dict.fromkeys(names, STATUSES)
        )
        for name in names:
            times = [tuple(news["event_time"]) for news in self.heard if news["instance"] == name]
            self.assertEqual(sorted(set(times)), list(dict.fromkeys(times)))

    async def eventually(self, claim: Any) -> None:
        deadline = reactor.seconds() + 60
        while not claim():
            self.assertLess(reactor.seconds(), deadline, f"{len(self.heard)} events were heard")
            await deferLater(reactor, 0.1)
