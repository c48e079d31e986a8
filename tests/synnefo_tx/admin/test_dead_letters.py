"""
`synnefo-manage dead-letter` at a real broker, as a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.bus.interface import Delivery, PoisonMessage
from tests.live.rabbitmq import RabbitBroker
from tests.synnefo_tx.admin.cloud import ManageCase

QUEUE = "snf-events-op"
KEY = "ganeti.snf.event.op"


class DeadLetterTests(TestCase):
    """Three messages that nothing could read."""

    timeout = 120

    def setUp(self) -> Any:
        return Deferred.fromCoroutine(self._set_up())

    async def _set_up(self) -> None:
        self.place = ManageCase()
        self.place.mktemp = self.mktemp  # type: ignore[method-assign]
        self.place.setUp()
        self.addCleanup(self.place.doCleanups)
        self.broker = await deferToThread(RabbitBroker.start)
        self.addCleanup(deferToThread, self.broker.stop)
        self.config = self.place.config.parent / "dispatcher.toml"
        self.config.write_text(f'database_url = "sqlite://"\namqp_url = "{self.broker.url}"\n')
        self.bus = AmqpBus(reactor, self.broker.url)
        self.bus.startService()
        self.addCleanup(self.bus.stopService)
        self.poison = True
        self.heard: list[bytes] = []
        await self.bus.subscribe(QUEUE, [KEY], self.take)
        for number in range(3):
            await self.bus.publish(KEY, b"{%d" % number)
        while len(await self.bus.dead_letters(QUEUE)) < 3:
            pass

    async def take(self, batch: Any) -> None:
        if self.poison:
            raise PoisonMessage("not read")
        self.heard += [each.body for each in batch]

    def manage(self, *words: str, status: int = 0) -> Deferred[str]:
        program = "from synnefo_tx.admin.main import main; main()"
        given = ["--config", str(self.place.config), "dead-letter"]
        given += ["--dispatcher-config", str(self.config), *words]

        def run() -> str:
            done = subprocess.run(
                [sys.executable, "-c", program, *given],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            return done.stdout + done.stderr

        return deferToThread(run)

    async def test_a_life(self) -> None:
        """Listed, shown, played again and dropped; each change has a line in the audit log."""
        rows = json.loads(await self.manage("list", "-F", "json"))
        self.assertEqual([row["body"] for row in rows], ["{0", "{1", "{2"])
        self.assertEqual({(row["queue"], row["routing_key"]) for row in rows}, {(QUEUE, KEY)})
        shown = json.loads(await self.manage("show", QUEUE, "2", "-F", "json"))
        self.assertEqual((shown["body"], shown["number"]), ("{1", 2))
        await self.manage("show", QUEUE, "4", status=3)
        self.poison = False
        self.assertEqual((await self.manage("replay", QUEUE, "--limit", "1")).strip(), "1")
        self.assertEqual((await self.manage("drop", QUEUE, "--yes")).strip(), "2")
        left: list[Delivery] = await self.bus.dead_letters(QUEUE)
        self.assertEqual((left, self.heard), ([], [b"{0"]))
        actions = [line.action for line in self.place.lines()]
        self.assertEqual(actions[-2:], ["cloud:replay_dead_letters", "cloud:drop_dead_letters"])


class NoBrokerTests(ManageCase):
    """Where there is none."""

    def test_no_settings(self) -> None:
        """Settings of a dispatcher that are not there are named."""
        words = ("dead-letter", "--dispatcher-config", "/nowhere/dispatcher.toml", "list")
        self.assertIn("/nowhere/dispatcher.toml", self.run_it(*words, status=5).output)
