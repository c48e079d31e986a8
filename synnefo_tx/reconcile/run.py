"""
One run of reconciliation: every cluster beside the rows, and what nobody's cluster tells of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from attrs import frozen
from sqlalchemy import Connection

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused
from synnefo_tx.effect.rows import tasks
from synnefo_tx.quota.rows import verify
from synnefo_tx.quota.services import SERVICES
from synnefo_tx.reconcile import compare
from synnefo_tx.reconcile.asking import Get, shown_by
from synnefo_tx.reconcile.rows import strays
from synnefo_tx.reconcile.rows.known import cluster_names, known_of
from synnefo_tx.reconcile.rows.repair import REPAIRS, repair
from synnefo_tx.reconcile.unheard import WHAT, Unheard, hear, unheard_of
from synnefo_tx.reconcile.values import ClusterShown, Drift, Found
from synnefo_tx.store.database import Database

PATIENCE_US = 900_000_000  # a job of which we know nothing may take so long
QUOTA = "quota.usage"
MENDABLE = (*sorted(REPAIRS), WHAT, *(one.what for one in strays.KINDS), QUOTA)


@frozen
class Run:
    """
    getter: cluster's id -> how to ask it; may raise ClusterAway.  now_us: microseconds.
    """

    _database: Database
    _getter: Callable[[str], Awaitable[Get]]
    _now_us: int

    async def find(self, fix: Collection[str] = ()) -> tuple[Found, tuple[Drift, ...]]:
        """
        What differs, and which of it was mended.  fix: kinds of differences to mend.
        """
        drifts: list[Drift] = []
        mended: list[Drift] = []
        away: dict[str, str] = {}
        for cluster_id in await self._database.read(cluster_names):
            try:
                found, shown = await self._of(cluster_id)
                jobs = await self._unheard(cluster_id)
            except (ClusterAway, ClusterRefused) as error:
                away[cluster_id] = str(error)
                continue
            drifts += found
            mended += [one for one in found if await self._mended(one, shown, fix)]
            for unheard in jobs:
                drifts.append(unheard.drift)
                if WHAT in fix and await self._database.write(hear, unheard, self._now_us):
                    mended.append(unheard.drift)
        for units in strays.KINDS:
            found = await self._database.read(units.find)
            drifts += found
            if units.what in fix and found:
                await self._database.write(units.mend, found, self._now_us)
                mended += found
        quota = await self._quota(QUOTA in fix)
        mended += quota if QUOTA in fix else []
        return Found((*drifts, *quota), away), tuple(mended)

    async def _of(self, cluster_id: str) -> tuple[list[Drift], ClusterShown]:
        before = await self._database.read(known_of, cluster_id)
        shown = await shown_by(await self._getter(cluster_id))
        after = await self._database.read(known_of, cluster_id)
        lost_us = self._now_us - PATIENCE_US
        return compare.differences(cluster_id, before, shown, after, lost_us), shown

    async def _unheard(self, cluster_id: str) -> list[Unheard]:
        before_us = self._now_us - PATIENCE_US
        waiting = await self._database.read(tasks.waiting_since, cluster_id, before_us)
        return await unheard_of(await self._getter(cluster_id), waiting, before_us)

    async def _mended(self, drift: Drift, shown: ClusterShown, fix: Collection[str]) -> bool:
        if drift.what not in fix:
            return False
        lost_us = self._now_us - PATIENCE_US
        return await self._database.write(repair, drift, shown, self._now_us, lost_us)

    async def _quota(self, fix: bool) -> list[Drift]:
        return [_quota_drift(one) for one in await self._database.write(_counted, fix)]


def _counted(connection: Connection, fix: bool) -> list[verify.Found]:
    return verify.reconcile_resources(connection, SERVICES, fix=fix)


def _quota_drift(one: Any) -> Drift:
    place = f"{one.key.holder} {one.key.source} {one.key.resource}"
    return Drift(QUOTA, place, "", str(one.held), str(one.due))
