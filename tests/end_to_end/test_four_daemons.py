"""
The main job through all four daemons, in processes of their own, with RabbitMQ between them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from sqlalchemy import text
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from synnefo_tx.store.database import open_engine
from tests.end_to_end import leftovers
from tests.end_to_end.journey import MARK, Journey
from tests.end_to_end.open_connections import Watch
from tests.live.cloud import Cloud, FourDaemons, eventually, guest_image


class JourneyTests(TestCase):
    """From an uploaded image to a deleted server."""

    timeout = 240
    is_apart = True  # each daemon has a process of its own

    def make_cloud(self) -> Cloud:
        """The cloud under test, not started."""
        return FourDaemons(None)

    def setUp(self) -> Any:
        self.image = guest_image()
        self.cloud = self.make_cloud()
        self.addCleanup(deferToThread, self.cloud.end)
        return deferToThread(self.cloud.begin)

    def secret_file(self) -> Any:
        return self.cloud.home / "etc" / "block.secret"

    def test_a_guest_lives_and_leaves_nothing(self) -> Deferred[None]:
        """A user boots a guest from an image of their own, uses it and deletes it."""
        return Deferred.fromCoroutine(self._guest_lives())

    async def _guest_lives(self) -> None:
        watch = Watch({name: daemon.pid for name, daemon in self.cloud.daemons.items()})
        watch.start()
        self.addCleanup(watch.stop)
        journey = await deferToThread(Journey, self.cloud)
        server = await deferToThread(self._use_guest, journey)
        await self._nothing_left(server)
        await deferToThread(watch.stop)
        if self.is_apart:
            self.assert_lawful(watch)
            await deferToThread(self._reconciled)

    def assert_lawful(self, watch: Watch) -> None:
        """
        ganetid has reached no database, and the cloud nothing but its database, its broker, its
        clusters' RAPI and its storage: no node, no guest's monitor.
        """
        home = self.cloud.home
        database = {one for one in watch.seen["synnefo-dispatcher"] if "PGSQL" in one}
        self.assertEqual(len(database), 1, watch.seen)
        self.assertEqual(watch.seen["ganetid"] & database, set())
        rapi, storage = f"tcp:{self.cloud.rapi_port}", f"unix:{home}/block.sock"
        images = f"unix:{home}/nbd.sock"
        broker = {one for one in watch.seen["ganetid"] if one.startswith("tcp:")}
        self.assertEqual(len(broker), 1, watch.seen)
        self.assertLessEqual(broker, watch.seen["synnefo-dispatcher"])
        for name, further in (
            ("synnefo-dispatcher", set[str]()),
            ("synnefo-api", {storage, images}),
        ):
            lawful = {rapi, *broker, *database, *further}
            self.assertEqual(watch.seen[name] - lawful, set(), name)
        self.assertIn(rapi, watch.seen["synnefo-api"] | watch.seen["synnefo-dispatcher"])

    def _reconciled(self) -> None:
        """Rows and the cluster agree, as `synnefo-manage reconcile` sees it; its heart beats."""
        heard = "SELECT heard_at FROM heartbeats WHERE heard_at IS NOT NULL"
        eventually(lambda: self._asked(heard), 90, "news of a job that does nothing")
        program = "from synnefo_tx.admin.main import main; main()"
        config = str(self.cloud.home / "etc" / "synnefo-api.toml")
        done = subprocess.run(
            [sys.executable, "-c", program, "--config", config, "reconcile", "-F", "json"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "[]"), done.stderr)

    def _use_guest(self, journey: Journey) -> Any:
        key_name = journey.make_key()
        image = journey.upload(self.image)
        self.assertEqual((image.status, image.size), ("active", self.image.stat().st_size))
        server = journey.boot(image, key_name)
        journey.console_says(server, f"{MARK}-42", 60)
        journey.times["marker"] = time.monotonic() - journey.times["begun"]
        if self.cloud.can_tap:
            self._log_in(journey, server)
        journey.delete(server)
        journey.conn.image.delete_image(image.id)
        begun = journey.times.pop("begun")
        print(
            "\nseconds from POST /servers:",
            {k: round(v, 2) for k, v in journey.times.items()},
            "in all",
            round(time.monotonic() - begun, 1),
        )
        return server

    def _log_in(self, journey: Journey, server: Any) -> None:
        """What is written in the guest and synced survives a hard reboot."""
        address = journey.address(server)
        eventually(lambda: journey.banner(address), 60, "SSH greets")
        journey.times["ssh"] = time.monotonic() - journey.times["begun"]
        journey.ssh(address, "echo kept-$((6 * 7)) > /root/note && sync")
        journey.conn.compute.reboot_server(server.id, "HARD")
        eventually(
            lambda: (
                journey.conn.compute.get_server(server.id).status == "HARD_REBOOT"
                or self._uptime(journey, address) < 20
            ),
            30,
            "the guest reboots",
        )
        journey.wait_for(server, "ACTIVE")
        eventually(lambda: journey.banner(address), 60, "SSH greets again")
        self.assertEqual(journey.ssh(address, "cat /root/note").strip(), "kept-42")

    def _uptime(self, journey: Journey, address: str) -> float:
        try:
            return float(journey.ssh(address, "cat /proc/uptime").split()[0])
        except AssertionError:
            return 1e9

    async def _nothing_left(self, server: Any) -> None:
        def quiet() -> bool:
            return not (self.cloud.guests() or self.cloud.taps())

        await deferToThread(eventually, quiet, 10, "no guest and no tap")
        volumes = await leftovers.volumes_of(self.cloud, self.secret_file())
        self.assertEqual(volumes, self.expected_volumes())
        self.assertEqual(await deferToThread(leftovers.in_database, self.cloud.database_url), [])
        self.assertEqual(await deferToThread(self.cloud.held_reactors), [])

    def _asked(self, statement: str) -> list[Any]:
        engine = open_engine(self.cloud.database_url)
        with engine.connect() as connection:
            found = connection.execute(text(statement)).all()
        engine.dispose()
        return list(found)

    def expected_volumes(self) -> list[Any]:
        """What storage holds besides the user's things."""
        return []
