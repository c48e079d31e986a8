"""
Making the two agree: each difference that can be mended without asking its user.

What runs on the clusters is believed of servers, and the rows are of networks.  Nothing is mended
of which the rows have changed since it was found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, false, select, update

from synnefo_tx.compute.rows import servers as server_rows
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules.states import RUNNING, SHUT_DOWN
from synnefo_tx.effect.ends.server_life import comes_to_nothing
from synnefo_tx.effect.forms import FORMS, NETWORK
from synnefo_tx.effect.plan import PREFIX, instance_name
from synnefo_tx.effect.rows import outbox, tasks, things
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.effect.tasks import Asked
from synnefo_tx.effect.wishes import Wish
from synnefo_tx.reconcile import compare
from synnefo_tx.reconcile.rows.known import known_of
from synnefo_tx.reconcile.values import ClusterShown, Drift
from synnefo_tx.volume.rows.tables import volumes

NO_LONGER_THERE = "The cluster has this server no more."
Repair = Callable[[Connection, Drift, ClusterShown, int], bool]


def repair(
    connection: Connection,
    drift: Drift,
    shown: ClusterShown,
    now_us: int,
    lost_before_us: int,
) -> bool:
    """
    Whether it was mended, or asked of its cluster (the caller kicks the performer).
    """
    mend = REPAIRS.get(drift.what)
    if mend is None:
        return False
    known = known_of(connection, drift.cluster_id)
    if drift not in compare.differences(drift.cluster_id, known, shown, known, lost_before_us):
        return False
    return mend(connection, drift, shown, now_us)


def _stale(connection: Connection, drift: Drift, _shown: ClusterShown, now_us: int) -> bool:
    """
    It went without us: so it does here.
    """
    server_rows.release(connection, _server(connection, drift.thing_id), now_us)
    return True


def _orphan(connection: Connection, drift: Drift, shown: ClusterShown, now_us: int) -> bool:
    """
    It is removed, unless it holds volumes that users have: those would go with it.
    """
    names = shown.servers[drift.thing_id].disks
    ids = [name.removeprefix(f"{PREFIX}-vol-") for name in names]
    users = select(volumes.c.id).where(volumes.c.id.in_(ids), volumes.c.is_local == false())
    if connection.execute(users).first() is not None:
        return False
    wish = Wish(
        kind="server.orphan",
        target=drift.thing_id,
        cluster_id=drift.cluster_id,
        method="DELETE",
        path=f"/2/instances/{instance_name(drift.thing_id)}",
    )
    outbox.put(connection, wish, now_us)
    return True


def _state(connection: Connection, drift: Drift, shown: ClusterShown, now_us: int) -> bool:
    """
    Its guest runs, or does not, whatever we thought.
    """
    _is_now(connection, drift, bool(shown.servers[drift.thing_id].runs), now_us)
    return True


def _node(connection: Connection, drift: Drift, shown: ClusterShown, _now_us: int) -> bool:
    node = shown.servers[drift.thing_id].node
    this = update(servers).where(servers.c.id == drift.thing_id)
    connection.execute(this.values(node=node))
    return True


def _lost_task(connection: Connection, drift: Drift, shown: ClusterShown, now_us: int) -> bool:
    """
    Nothing that it waits for is under way: it is what its cluster shows.
    """
    server = _server(connection, drift.thing_id)
    instance = shown.servers.get(server.id)
    if instance is None and server.task_state == "deleting":
        server_rows.release(connection, server, now_us)
    elif instance is None:
        comes_to_nothing(connection, server, NO_LONGER_THERE, now_us)
    elif instance.runs is None:
        return False
    else:
        _is_now(connection, drift, instance.runs, now_us)
    return True


def _is_now(connection: Connection, drift: Drift, runs: bool, now_us: int) -> None:
    """
    One that sleeps, is rescued or waits to be confirmed stays so: what it was belongs to its state.
    """
    server = _server(connection, drift.thing_id)
    vm_state, power_state = ("active", RUNNING) if runs else ("stopped", SHUT_DOWN)
    if server.vm_state not in (*compare.RUNS, "building", "error"):
        vm_state, power_state = server.vm_state, server.power_state
    values: dict[str, Any] = {
        "vm_state": vm_state,
        "power_state": power_state,
        "task_state": None,
        "updated_at": now_us,
    }
    if runs and server.launched_at is None:
        values["launched_at"] = now_us
    connection.execute(update(servers).where(servers.c.id == server.id).values(**values))
    server_rows.charge_running(connection, server, vm_state, None)


def _network_missing(
    connection: Connection, drift: Drift, _shown: ClusterShown, now_us: int
) -> bool:
    """
    It is made there again.
    """
    connection.execute(
        update(cluster_things)
        .where(
            cluster_things.c.kind == NETWORK,
            cluster_things.c.thing_id == drift.thing_id,
            cluster_things.c.cluster_id == drift.cluster_id,
        )
        .values(state=things.ERROR, applied_revision=0)
    )
    things.ensure(connection, things.Thing(NETWORK, drift.thing_id), drift.cluster_id, now_us)
    return True


def _network_orphan(
    connection: Connection, drift: Drift, _shown: ClusterShown, now_us: int
) -> bool:
    steps = FORMS[NETWORK].gone(connection, drift.thing_id, drift.cluster_id)
    tasks.begin(connection, Asked(kind=things.REMOVE, target=drift.thing_id, steps=steps), now_us)
    return True


def _server(connection: Connection, server_id: str) -> Any:
    statement = select(servers).where(servers.c.id == server_id).with_for_update()
    return connection.execute(statement).one()


REPAIRS: Mapping[str, Repair] = {
    compare.STALE: _stale,
    compare.ORPHAN: _orphan,
    compare.STATE: _state,
    compare.NODE: _node,
    compare.LOST_TASK: _lost_task,
    compare.NETWORK_MISSING: _network_missing,
    compare.NETWORK_ORPHAN: _network_orphan,
}
