"""
Quotas and limits as Cinder shows and reads them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import BadRequest
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import DISK, GIB, VOLUME
from synnefo_tx.quota.rows.holdings import take
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.volume.rows import quotas
from synnefo_tx.volume.rules.quotas import read_limits
from synnefo_tx.volume.views import quotas as views

PAYER = Payer("u", "p")


class QuotaTests(SynchronousTestCase):
    """A project with two volumes of 3 GiB in all."""

    def setUp(self) -> None:
        self.database = immediate_database(Path(self.mktemp()))
        self.addCleanup(self.database.engine.dispose)
        self.write(take, PAYER, {VOLUME: 2, DISK: 3 * GIB})

    def write(self, unit: Any, *args: Any, **more: Any) -> Any:
        return self.successResultOf(
            Deferred.fromCoroutine(self.database.write(unit, *args, **more))
        )

    def test_shown(self) -> None:
        """In GiB, with and without what is used."""
        found = self.write(quotas.quotas, "p")
        plain = views.quota_set(found, "p", usage=False)["quota_set"]
        self.assertEqual(
            plain,
            {
                "volumes": 40,
                "per_volume_gigabytes": -1,
                "snapshots": 10,
                "gigabytes": 1000,
                "backups": 10,
                "backup_gigabytes": 1000,
                "groups": 10,
                "id": "p",
            },
        )
        used = views.quota_set(found, None, usage=True)["quota_set"]
        self.assertEqual(used["gigabytes"], {"limit": 1000, "in_use": 3, "reserved": 0})
        absolute = views.limits(found)["limits"]["absolute"]
        self.assertEqual((absolute["maxTotalVolumes"], absolute["totalVolumesUsed"]), (40, 2))
        self.assertEqual(absolute["totalGigabytesUsed"], 3)

    def test_set_and_forgotten(self) -> None:
        """Limits hold in our units, and the defaults do again."""
        asked = read_limits({"quota_set": {"gigabytes": "5", "snapshots": -1}})
        found = self.write(quotas.set_quotas, "p", asked, check=True)
        self.assertEqual((found["gigabytes"].limit, found["snapshots"].limit), (5, -1))
        self.write(take, PAYER, {DISK: 2 * GIB})
        self.write(quotas.forget_quotas, "p")
        self.assertEqual(self.write(quotas.quotas, "p")["gigabytes"].limit, 1000)
        self.assertEqual(self.write(quotas.defaults)["gigabytes"].limit, 1000)

    def test_below_what_is_used(self) -> None:
        """Only if nobody asks that it be checked."""
        asked = read_limits({"quota_set": {"gigabytes": 2}})
        checked = self.database.write(quotas.set_quotas, "p", asked, check=True)
        self.failureResultOf(Deferred.fromCoroutine(checked), BadRequest)
        found = self.write(quotas.set_quotas, "p", asked, check=False)
        self.assertEqual(found["gigabytes"].limit, 2)

    def test_bad_bodies(self) -> None:
        """Each is refused."""
        for body in (
            None,
            {},
            {"quota_set": 1},
            {"quota_set": {"pots": 1}},
            {"quota_set": {"volumes": "x"}},
            {"quota_set": {"volumes": True}},
            {"quota_set": {"volumes": -2}},
            {"quota_set": {"volumes": 2**31}},
        ):
            self.assertRaises(BadRequest, read_limits, body)
