"""
Volumes that go from project to project.
"""

from __future__ import annotations

from threading import Thread
from typing import Any

from sqlalchemy import select

from synnefo_tx.identity.caller import Caller
from synnefo_tx.volume.rows import ends, transfers
from synnefo_tx.volume.rows.tables import block_works
from tests.live.postgresql import shared_server
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BOB, project_of
from tests.synnefo_tx.volume.cloud import VolumesCase

OLD, NEW = "/os-volume-transfer", "/volume-transfers"


class TransferTests(VolumesCase):
    def begin(self, path: str = OLD, **fields: object) -> tuple[str, str, str]:
        """Ids of the volume and its transfer, and the key."""
        version = "3.55" if path == NEW else None
        volume_id = self.create(size=2)
        self.snapshot(volume_id)
        body = {"transfer": {"volume_id": volume_id, "name": "t", **fields}}
        made = self.good("POST", path, body, version=version)["transfer"]
        return volume_id, made["id"], made["auth_key"]

    def test_accepted(self) -> None:
        """The volume, its snapshots and their charges are the other project's."""
        volume_id, transfer_id, key = self.begin()
        self.assertEqual(self.status(volume_id), "awaiting-transfer")
        self.assertNotIn("auth_key", self.good("GET", f"{OLD}/{transfer_id}")["transfer"])
        path = f"{OLD}/{transfer_id}/accept"
        wrong = self.refused("POST", path, {"accept": {"auth_key": "x"}}, user=BOB)
        self.assertEqual(wrong[0], 400)
        told = self.good("POST", path, {"accept": {"auth_key": key}}, user=BOB)["transfer"]
        self.assertEqual(told["volume_id"], volume_id)
        self.assertEqual(self.ask("GET", f"/volumes/{volume_id}").status, 404)
        shown = self.show(volume_id, user=BOB)
        self.assertEqual((shown["status"], shown["user_id"]), ("available", BOB))
        self.assertEqual(len(self.good("GET", "/snapshots", user=BOB)["snapshots"]), 1)
        self.assertEqual(self.cloud.used(), {})
        self.assertEqual(self.cloud.used(BOB), {"volumes": 1, "gigabytes": 4})
        again = self.ask("POST", path, {"accept": {"auth_key": key}}, user=BOB)
        self.assertEqual(again.status, 404)

    def test_without_snapshots(self) -> None:
        """They stay, from 3.55 on."""
        self.assertEqual(self.ask("GET", NEW).status, 404)
        _, transfer_id, key = self.begin(NEW, no_snapshots=True)
        body = {"accept": {"auth_key": key}}
        self.good("POST", f"{NEW}/{transfer_id}/accept", body, user=BOB, version="3.55")
        self.assertEqual(self.good("GET", "/snapshots", user=BOB)["snapshots"], [])
        self.assertEqual(self.cloud.used(), {"gigabytes": 2})

    def test_snapshots_that_stayed(self) -> None:
        """Their project keeps and uses them; who has the volume neither deletes nor reads them."""
        volume_id, transfer_id, key = self.begin(NEW, no_snapshots=True)
        [snapshot] = self.good("GET", "/snapshots")["snapshots"]
        body = {"accept": {"auth_key": key}}
        self.good("POST", f"{NEW}/{transfer_id}/accept", body, user=BOB, version="3.55")
        cascade = self.refused("DELETE", f"/volumes/{volume_id}?cascade=True", user=BOB)
        self.assertEqual(cascade[0], 400)
        back = {"snapshot_id": snapshot["id"]}
        reverted = self.act(volume_id, "revert", back, user=BOB, version="3.40")
        self.assertEqual(reverted.status, 400)
        self.settle()
        [kept] = self.good("GET", "/snapshots")["snapshots"]
        self.assertEqual(kept["status"], "available")
        self.assertEqual(self.status(self.create(size=2, snapshot_id=snapshot["id"])), "available")

    def test_over_quota(self) -> None:
        """Nothing moves."""
        limits = {"quota_set": {"gigabytes": 1}}
        self.good("PUT", "/os-quota-sets/project-bob", limits, user=ADMIN)
        volume_id, transfer_id, key = self.begin()
        body = {"accept": {"auth_key": key}}
        refused = self.refused("POST", f"{OLD}/{transfer_id}/accept", body, user=BOB)
        self.assertEqual(refused[0], 413)
        self.assertEqual(self.status(volume_id), "awaiting-transfer")
        self.assertEqual(self.cloud.used(BOB), {})

    def test_cancelled(self) -> None:
        """By its own project; the volume is free again."""
        volume_id, transfer_id, _ = self.begin()
        [listed] = self.good("GET", f"{OLD}/detail")["transfers"]
        self.assertEqual((listed["id"], listed["name"]), (transfer_id, "t"))
        self.assertEqual(self.good("GET", OLD, user=BOB)["transfers"], [])
        for method in ("GET", "DELETE"):
            self.assertEqual(self.ask(method, f"{OLD}/{transfer_id}", user=BOB).status, 404)
        self.good("DELETE", f"{OLD}/{transfer_id}", user=ALICE)
        self.assertEqual(self.status(volume_id), "available")


class PostgresqlTransferTests(TransferTests):
    """
    The same where all write at once that don't meet.
    """

    def database_place(self) -> str:
        return shared_server().new_database()

    def test_a_snapshot_that_goes_meanwhile(self) -> None:
        """What it was charged returns once."""
        _, transfer_id, key = self.begin()
        [snapshot] = self.good("GET", "/snapshots")["snapshots"]
        self.good("DELETE", f"/snapshots/{snapshot['id']}")
        bob, engine = Caller(project_of(BOB), BOB), self.cloud.database.engine

        def accept() -> Any:
            with engine.begin() as connection:
                transfers.accept(connection, bob, transfer_id, key, 1)

        taker = Thread(target=accept)
        with engine.begin() as connection:
            [work] = connection.execute(select(block_works)).all()
            ends.settle(connection, work, 1, done=True)
            taker.start()
            taker.join(0.5)
            self.assertTrue(taker.is_alive())
        taker.join(10)
        self.assertEqual(self.cloud.used(), {})
        self.assertEqual(self.cloud.used(BOB), {"volumes": 1, "gigabytes": 2})
