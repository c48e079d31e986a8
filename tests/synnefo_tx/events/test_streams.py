"""
Following what happens in a project.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import select
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import BadRequest, NotAuthenticated
from synnefo_tx.events.hub import EVERY_S, MOST_OF_A_PROJECT, Hub
from synnefo_tx.events.place import Place, place_of
from synnefo_tx.events.rows import reading
from synnefo_tx.events.rows.feed import Event, append
from synnefo_tx.events.rows.reading import KEPT_S
from synnefo_tx.events.rows.tables import feed
from synnefo_tx.events.streams import STILL_HERE_S, Wanted, stream
from synnefo_tx.store.memory import immediate_database
from tests.live.postgresql import shared_server
from tests.synnefo_tx.cloud_over import cloud_over

NOW_S = 1_763_861_393


class Client:
    """
    One that follows: `take` gives what it has got since.
    """

    def __init__(self, test: Any, **wanted: Any) -> None:
        self.test = test
        self.valid = True
        asked = {"project_id": "p1", "kinds": frozenset(), "place": None} | wanted
        self._text = b""
        self.done = Deferred.fromCoroutine(self._read(Wanted(**asked)))

    async def _read(self, wanted: Wanted) -> None:
        async for chunk in stream(self.test.cloud, self.test.hub, wanted, self._may_go_on):
            self._text += chunk

    async def _may_go_on(self) -> None:
        if not self.valid:
            raise NotAuthenticated

    def take(self) -> list[dict[str, str]]:
        text, self._text = self._text.decode(), b""
        return [
            dict(line.split(": ", 1) for line in block.splitlines())
            for block in text.split("\n\n")
            if block
        ]


class StreamTests(SynchronousTestCase):
    on_postgresql = False

    def setUp(self) -> None:
        place = shared_server().new_database() if self.on_postgresql else Path(self.mktemp())
        self.database = immediate_database(place)
        self.addCleanup(self.database.engine.dispose)
        self.reactor = Clock()
        self.cloud = cloud_over(self.database, None, lambda: NOW_S + self.reactor.seconds())
        self.hub = Hub(self.database, self.cloud.clock, self.reactor)
        self.hub.startService()
        self.addCleanup(self.hub.stopService)

    def happen(self, thing_id: str, project_id: str = "p1", kind: str = "server") -> None:
        event = Event(project_id=project_id, kind=kind, thing_id=thing_id, name="created")
        with self.database.engine.begin() as connection:
            append(connection, event, NOW_S * 1_000_000)

    def events(self, client: Client, count: int) -> list[dict[str, str]]:
        """
        What it has got once that is so many, after the hub has looked.  PostgreSQL's own work in
        the background may keep it back for a moment.
        """
        found: list[dict[str, str]] = []
        for _ in range(100):
            self.reactor.advance(EVERY_S)
            found += [one for one in client.take() if "data" in one]
            if len(found) >= count:
                break
            time.sleep(0.01)
        self.reactor.advance(EVERY_S)
        return found + [one for one in client.take() if "data" in one]

    def ids(self, client: Client, count: int = 0) -> list[str]:
        """
        Of what those events are about.
        """
        found = self.events(client, count)
        return [one["data"].split('"id":"')[1].split('"')[0] for one in found]

    def test_what_happens_from_now_on(self) -> None:
        self.happen("before")
        client = Client(self)
        self.assertEqual(self.ids(client), [])
        self.happen("one")
        self.happen("two")
        self.assertEqual(self.ids(client, 2), ["one", "two"])
        self.happen("three")
        self.assertEqual(self.ids(client, 1), ["three"])

    def test_an_event(self) -> None:
        client = Client(self)
        self.assertEqual(client.take()[0]["retry"], "2000")
        self.happen("s1")
        told = self.events(client, 1)[0]
        self.assertEqual(told["event"], "server.created")
        self.assertEqual(
            told["data"],
            '{"kind":"server","id":"s1","event":"created","project_id":"p1",'
            f'"at":{NOW_S * 1_000_000}}}',
        )

    def test_others_see_nothing(self) -> None:
        client = Client(self)
        self.happen("theirs", "p2")
        self.assertEqual(self.ids(client), [])

    def test_kinds(self) -> None:
        """
        What is left out moves the client's place all the same.
        """
        client = Client(self, kinds=frozenset({"volume"}))
        self.happen("s1")
        self.happen("v1", kind="volume")
        self.assertEqual(self.ids(client, 1), ["v1"])
        self.happen("s2")
        self.assertEqual(self.ids(client), [])

    def test_resumed(self) -> None:
        """
        Every event once, though the connection was lost.
        """
        client = Client(self)
        self.happen("one")
        place = place_of(self.events(client, 1)[0]["id"])
        for number in range(250):
            self.happen(f"n{number}")
        again = Client(self, place=place)
        self.assertEqual(self.ids(again, 250), [f"n{number}" for number in range(250)])

    def test_too_long_away(self) -> None:
        client = Client(self, place=Place(0, 1, NOW_S - KEPT_S - 1))
        self.assertEqual([one.get("event") for one in client.take()], [None, "reset"])

    def test_forgotten(self) -> None:
        self.happen("old")
        with self.database.engine.begin() as connection:
            reading.forget_old(connection, NOW_S + KEPT_S)
            self.assertEqual(len(connection.execute(select(feed)).all()), 1)
            reading.forget_old(connection, NOW_S + KEPT_S + 1)
            self.assertEqual(connection.execute(select(feed)).all(), [])

    def test_the_token_ends(self) -> None:
        client = Client(self)
        self.reactor.pump([EVERY_S] * int(STILL_HERE_S / EVERY_S + 2))
        self.assertNoResult(client.done)
        client.valid = False
        self.reactor.pump([EVERY_S] * int(STILL_HERE_S / EVERY_S + 2))
        self.successResultOf(client.done)
        self.assertEqual(client.take()[-1]["event"], "end")
        self.assertEqual(self.hub.followers, 0)

    def test_the_token_ends_in_a_busy_project(self) -> None:
        """
        What happens all the time tells nothing more to who may not know it.
        """
        client = Client(self)
        client.valid = False
        for number in range(4):
            self.happen(f"n{number}")
            self.reactor.pump([EVERY_S] * int(STILL_HERE_S / EVERY_S / 2))
        self.successResultOf(client.done)
        self.assertEqual(client.take()[-1]["event"], "end")

    def test_the_cloud_stops(self) -> None:
        client = Client(self)
        self.hub.stopService()
        self.successResultOf(client.done)

    def test_room(self) -> None:
        for _ in range(MOST_OF_A_PROJECT):
            self.assertTrue(self.hub.has_room("p1"))
            self.hub.enter("p1")
        self.assertFalse(self.hub.has_room("p1"))
        self.assertTrue(self.hub.has_room("p2"))

    def test_places(self) -> None:
        self.assertEqual(place_of(str(Place(3, 5, 7))), Place(3, 5, 7))
        for text in ("", "1", "1.2", "1.2.3.4", "-1.2.3", "a.b.c", "1.2.3\n", "9" * 30 + ".1.1"):
            self.assertRaises(BadRequest, place_of, text)


class PostgresqlStreamTests(StreamTests):
    on_postgresql = True

    def test_committed_in_another_order(self) -> None:
        """
        Nothing is read while an older transaction may still write before it.
        """
        client = Client(self)
        event = Event(project_id="p1", kind="server", thing_id="slow", name="created")
        with self.database.engine.connect() as slow:
            append(slow, event, NOW_S * 1_000_000)
            self.happen("quick")
            self.assertEqual(self.ids(client), [])
            slow.commit()
        self.assertEqual(self.ids(client, 2), ["slow", "quick"])
