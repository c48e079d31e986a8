"""
What follows, in the rows, from what storage did or would not do, by the kinds of works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, delete, select, update

from synnefo_tx.quota.registered import DISK
from synnefo_tx.quota.rows import holdings
from synnefo_tx.volume.rows import charges, volumes, works
from synnefo_tx.volume.rows.tables import snapshots

End = Callable[[Connection, Any, int], None]


@frozen
class Ends:
    """
    Each is given the work and now in microseconds.
    """

    done: End
    failed: End


def settle(connection: Connection, work: Any, now_us: int, *, done: bool) -> None:
    """
    The work is over; nothing when another has written that down before.
    """
    if works.forget(connection, work.id):
        ends = ENDS[work.kind]
        (ends.done if done else ends.failed)(connection, work, now_us)


def _volume_is(status: str, only_from: str | None = None) -> End:
    def end(connection: Connection, work: Any, now_us: int) -> None:
        volume = volumes.locked(connection, work.target)
        if volume is not None and only_from in (None, volume.status):
            volumes.change(connection, volume, now_us, status=status)

    return end


def _volume_gone(connection: Connection, work: Any, now_us: int) -> None:
    volume = volumes.locked(connection, work.target)
    if volume is not None:
        volumes.remove(connection, volume, now_us)


def _grown(connection: Connection, work: Any, now_us: int) -> None:
    volume = volumes.locked(connection, work.target)
    if volume is not None:
        values = {"size_gib": work.context["size_gib"], "status": work.context["status"]}
        volumes.change(connection, volume, now_us, **values)


def _not_grown(connection: Connection, work: Any, now_us: int) -> None:
    volume = volumes.locked(connection, work.target)
    if volume is not None:
        take_back_growth(connection, volume, now_us, "error_extending")


def take_back_growth(connection: Connection, volume: Any, now_us: int, status: str) -> None:
    """
    The volume is charged for the size that it has, and no more.
    """
    wanted = charges.of_volume(volume.size_gib)
    more = volume.reserved[DISK] - wanted[DISK]
    holdings.give_back(connection, charges.payer_of(volume), {DISK: more})
    volumes.change(connection, volume, now_us, status=status, reserved=wanted)


def _snapshot_is(status: str, only_from: str | None = None) -> End:
    def end(connection: Connection, work: Any, now_us: int) -> None:
        this = [snapshots.c.id == work.target]
        if only_from is not None:
            this.append(snapshots.c.status == only_from)
        connection.execute(update(snapshots).where(*this).values(status=status, updated_at=now_us))

    return end


def _snapshot_gone(connection: Connection, work: Any, _now_us: int) -> None:
    this = snapshots.c.id == work.target
    snapshot = connection.execute(select(snapshots).where(this).with_for_update()).first()
    if snapshot is not None:
        charges.give_back(connection, snapshot)
        connection.execute(delete(snapshots).where(this))


ENDS: Mapping[str, Ends] = {
    "volume.create": Ends(_volume_is("available", "creating"), _volume_is("error", "creating")),
    "volume.delete": Ends(_volume_gone, _volume_is("error_deleting")),
    "volume.extend": Ends(_grown, _not_grown),
    "volume.revert": Ends(_volume_is("available"), _volume_is("error")),
    "snapshot.create": Ends(
        _snapshot_is("available", "creating"), _snapshot_is("error", "creating")
    ),
    "snapshot.delete": Ends(_snapshot_gone, _snapshot_is("error_deleting")),
}
