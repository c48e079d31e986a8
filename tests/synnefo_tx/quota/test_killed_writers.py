"""
Processes that are killed in the midst of a commission: what they took is found and settled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from sqlalchemy import select

from synnefo_tx.quota.model import Holding
from synnefo_tx.quota.registered import VM
from synnefo_tx.quota.rows import commissions, resources
from synnefo_tx.quota.rows.holdings import held, held_by, take
from synnefo_tx.quota.rows.tables import provision_log
from synnefo_tx.store.memory import immediate_database
from tests.live.postgresql import shared_server
from tests.synnefo_tx.admin.cloud import ManageCase
from tests.synnefo_tx.identity.cloud import fill
from tests.synnefo_tx.quota.writer import CLIENT, PAYER

WHOSE = ("reconcile-commissions", CLIENT, "--older-than", "0")


class KilledTests(ManageCase):
    """On SQLite."""

    def url(self) -> str:
        return str(self.database.engine.url)

    def kill_one(self, when: str) -> None:
        """A writer is killed at that point."""
        command = [sys.executable, "-m", "tests.synnefo_tx.quota.writer", self.url(), when]
        paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **paths})
        assert writer.stdout is not None
        with writer, writer.stdout:
            self.addCleanup(writer.kill)
            self.assertEqual(writer.stdout.readline(), b"here\n")
            writer.kill()

    def used(self) -> tuple[Holding, Holding]:
        """Of the user in the project, and of the project."""
        mine = self.write(held_by, PAYER, [VM])[VM]
        return mine, self.write(held, PAYER.project_id, [VM])[VM]

    def test_before_it_was_committed(self) -> None:
        """Nothing was taken, and nobody is kept waiting."""
        self.kill_one("taken")
        self.assertEqual(self.used(), (Holding(20, 0), Holding(20, 0)))
        self.assertEqual(self.json(*WHOSE), [])
        self.write(take, PAYER, {VM: 1})

    def test_before_it_answered(self) -> None:
        """
        It is pending for the user and the project; found once it is no longer young, and fixed
        when that is asked.
        """
        self.kill_one("issued")
        pending = (Holding(20, 3, 3), Holding(20, 3, 3))
        self.assertEqual(self.json("reconcile-commissions", CLIENT, "--fix"), [])
        self.assertEqual(self.used(), pending)
        told = json.loads(self.run_it(*WHOSE, "-F", "json", status=4).stdout)
        self.assertEqual([one["verdict"] for one in told], ["reject"])
        self.assertEqual(self.used(), pending)
        self.assertEqual(self.json(*WHOSE, "--fix"), told)
        self.assertEqual(self.used(), (Holding(20, 0), Holding(20, 0)))
        self.assertEqual(self.json(*WHOSE), [])
        self.assertEqual(self.json("quota-verify"), [])
        logged = self.write(lambda c: c.execute(select(provision_log.c.reason)).scalars().all())
        self.assertEqual(logged, ["REJECT:reconciled"] * 2)
        self.assertIn("quota:reconcile_commissions", [line.action for line in self.lines()])

    def test_while_it_was_resolved(self) -> None:
        """It is pending as a whole; a client that knows it as accepted has it so."""
        self.kill_one("resolving")
        [serial] = self.write(commissions.pending, CLIENT)
        self.assertEqual(self.used(), (Holding(20, 3, 3), Holding(20, 3, 3)))
        self.run_it(*WHOSE, "--accepted", str(serial), "--fix")
        self.assertEqual(self.used(), (Holding(20, 3), Holding(20, 3)))


class PostgresqlKilledTests(KilledTests):
    """On PostgreSQL."""

    def setUp(self) -> None:
        super().setUp()
        url = shared_server().new_database()
        self.addCleanup(shared_server().drop_database, url)
        self.database = immediate_database(url)
        self.addCleanup(self.database.engine.dispose)
        self.write(fill)
        self.write(resources.ensure)
        settings = self.config.read_text().splitlines()
        self.config.write_text("\n".join([f'database_url = "{url}"', *settings[1:]]) + "\n")
