"""
Daemons killed at random while servers come, change and go; afterwards all layers agree.
"""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, text
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.trial.unittest import TestCase

from archipelagod.wire.errors import StorageUnavailable
from synnefo_tx.store.database import open_engine
from tests.end_to_end import leftovers
from tests.end_to_end.journey import Journey
from tests.live.cloud import FourDaemons, eventually, guest_image

SEED = 20
ROUNDS = 6
SETTLED_S = 90.0  # a guest that still boots may take a minute to go
GUESTS_OF = {"active": 1, "stopped": 0, "error": 0}
SERVERS = (
    "SELECT id, vm_state, task_state, fault, reserved FROM servers"
    " WHERE deleted_at IS NULL ORDER BY created_at, id"
)
ACTIONS = {
    "delete": ("active", "stopped", "error"),
    "reboot": ("active", "stopped"),
    "stop": ("active",),
    "start": ("stopped",),
}


class TortureTests(TestCase):
    """Whatever was killed, within a while every layer tells of the same servers."""

    timeout = 300

    def setUp(self) -> Any:
        self.random = random.Random(SEED)
        self.image_path = guest_image()
        self.cloud = FourDaemons(None)
        self.addCleanup(deferToThread, self.cloud.end)
        self.engine = open_engine(self.cloud.database_url)
        self.addCleanup(self.engine.dispose)
        return deferToThread(self.cloud.begin)

    def test_layers_agree(self) -> Deferred[None]:
        """One or two daemons die during each of a few requests."""
        return deferToThread(self._all_rounds)

    def _all_rounds(self) -> None:
        self.journey = Journey(self.cloud)
        self.image = self.journey.upload(self.image_path)
        self.flavor = self.journey.conn.compute.find_flavor("tiny")
        for number in range(ROUNDS):
            self._round(number)

    def _round(self, number: int) -> None:
        asked = self._ask()
        time.sleep(self.random.uniform(0, 0.5))
        victims = self.random.sample(list(self.cloud.daemons), self.random.choice((1, 1, 2)))
        for victim in victims:
            self.cloud.daemons[victim].kill()
        time.sleep(self.random.uniform(0, 0.5))
        for victim in victims:
            self.cloud.daemons[victim].start()
        self.cloud.wait_until_healthy()
        said: list[str] = []

        def agree() -> bool:
            said[:] = self._complaints()
            return not said

        try:
            eventually(agree, SETTLED_S, "all layers agree")
        except AssertionError:
            what = f"round {number}, {asked}, killed {victims}: {said}"
            raise AssertionError(f"{what}\n{self.cloud.logs()}") from None

    def _ask(self) -> str:
        """Ask for something that a server can do now; what it was."""
        compute = self.journey.conn.compute
        with self.engine.connect() as connection:
            servers = [(row.id, row.vm_state) for row in connection.execute(text(SERVERS))]
        choices = [
            (name, server_id)
            for name, states in ACTIONS.items()
            for server_id, state in servers
            if state in states
        ]
        if not choices or (len(servers) < 3 and self.random.random() < 0.5):
            compute.create_server(
                name="tortured",
                image_id=self.image.id,
                flavor_id=self.flavor.id,
                networks="auto",
            )
            return "create"
        name, server_id = self.random.choice(choices)
        more = ("HARD",) if name == "reboot" else ()
        getattr(compute, f"{name}_server")(server_id, *more)
        return f"{name} of {server_id}"

    def _complaints(self) -> list[str]:
        with self.engine.connect() as connection:
            servers = list(connection.execute(text(SERVERS)))
            said = [words for row in servers for words in self._of_server(row)]
            said += _of_rows(connection, servers)
        instances = self._in_cluster("SELECT name FROM instances")
        alive = {f"snf-{row.id}" for row in servers if row.vm_state != "error"}
        if not alive <= instances <= {f"snf-{row.id}" for row in servers}:
            said.append(f"the cluster has {instances}")
        said += [f"the cluster's {row}" for row in self._in_cluster("SELECT id FROM outbox")]
        running = sum(GUESTS_OF.get(row.vm_state, 0) for row in servers)
        if (len(self.cloud.guests()), len(self.cloud.taps())) != (
            running,
            running if self.cloud.can_tap else 0,
        ):
            said.append(f"not {running} guests: {self.cloud.guests()}, {self.cloud.taps()}")
        return said or self._of_volumes(instances)

    def _of_server(self, row: Any) -> list[str]:
        """What is wrong with one server."""
        said = []
        guests = sum(row.id in line for line in self.cloud.guests())
        if row.task_state is not None or guests != GUESTS_OF.get(row.vm_state):
            said.append(f"{row.id} is {row.vm_state}, {row.task_state}, with {guests} guests")
        if row.vm_state == "error" and not row.fault["message"]:
            said.append(f"{row.id} fails without a reason")
        return said

    def _of_volumes(self, instances: set[Any]) -> list[str]:
        with self.engine.connect() as connection:
            wanted = {
                f"snf-vol-{row.id}"
                for row in connection.execute(text("SELECT id, server_id FROM volumes"))
                if f"snf-{row.server_id}" in instances
            }
            for row in connection.execute(text("SELECT file_volume, boot_volume FROM images")):
                wanted |= {name for name in row if name}
        secret = self.cloud.private / "block.secret"
        try:
            there = blockingCallFromThread(
                reactor, lambda: Deferred.fromCoroutine(leftovers.volumes_of(self.cloud, secret))
            )
        except StorageUnavailable as error:  # it is only starting
            return [str(error)]
        found = {name for name, _ in there}
        return [] if found == wanted else [f"volumes {found}, not {wanted}"]

    def _in_cluster(self, query: str) -> set[Any]:
        path = self.cloud.home / "ganetid" / "cluster.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return {value for (value,) in connection.execute(query)}


def _of_rows(connection: Connection, servers: list[Any]) -> list[str]:
    """What is wrong in the database besides the servers themselves."""
    said = [f"wish {row}" for row in connection.execute(text("SELECT kind, target FROM effects"))]
    held: dict[str, int] = {}
    for row in servers:
        for resource, amount in row.reserved.items():
            held[resource] = held.get(resource, 0) + amount
    images = connection.scalar(text("SELECT sum(size) FROM images WHERE status = 'active'"))
    held["pithos.diskspace"] = int(images)
    used = {row.resource: row.used for row in connection.execute(text(leftovers.QUOTA))}
    return said if used == held else [*said, f"quota {used}, not {held}"]
