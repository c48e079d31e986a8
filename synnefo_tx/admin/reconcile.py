"""
What the rows say beside what the clusters have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from twisted.internet.defer import Deferred

from synnefo_tx.admin.door import Door, value_of
from synnefo_tx.admin.failures import DIFFERENCES, NOT_FOUND, REFUSED, Failed, told
from synnefo_tx.admin.output import shape_of, shaped, show_rows
from synnefo_tx.audit.rows.log import append
from synnefo_tx.cluster.interface import ClusterAway
from synnefo_tx.effect.clusters import address_of
from synnefo_tx.reconcile.asking import Get
from synnefo_tx.reconcile.blocking import BlockingReader
from synnefo_tx.reconcile.run import MENDABLE, Run

COLUMNS = ("what", "id", "cluster", "known", "shown", "mended")


@click.command("reconcile")
@click.argument("kinds", metavar="[KIND]...", nargs=-1)
@click.option("--fix", is_flag=True, help="Mend them: all that can be, of these kinds.")
@shaped
@click.pass_context
def reconcile(
    context: click.Context, kinds: tuple[str, ...], fix: bool, form: str, fields: str
) -> None:
    """
    Differences between this cloud's rows and its clusters.

    KIND: server, network, task, thing, port, volume, quota, or one kind of difference, such as
    server.orphan; left out: all.  What is asked of clusters is asked by the dispatcher.  Exit
    status 4 when something is left that differs, 1 when a cluster could not be asked.
    """
    door: Door = context.obj()
    _check(kinds)
    wanted = [what for what in MENDABLE if _is_of(what, kinds)] if fix else []
    run = Run(door.database, _getter(door), door.now_us())
    with told():
        found, mended = value_of(Deferred.fromCoroutine(run.find(wanted)))
    if mended:
        count = {"count": len(mended), "kinds": sorted({one.what for one in mended})}
        entry = door.entry("cloud:reconcile", "cloud", "", **count)
        door.change(append, entry, door.now_us())
    shown = [one for one in found.drifts if _is_of(one.what, kinds)]
    rows = [
        {
            "what": one.what,
            "id": one.thing_id,
            "cluster": one.cluster_id,
            "known": one.known,
            "shown": one.shown,
            "mended": one in mended,
        }
        for one in shown
    ]
    show_rows(rows, shape_of(form, fields), COLUMNS)
    for cluster_id, reason in found.away.items():
        click.echo(f"cluster {cluster_id} could not be asked: {reason}", err=True)
    if found.away:
        context.exit(REFUSED)
    if len(mended) < len(shown):
        context.exit(DIFFERENCES)


def _check(kinds: Sequence[str]) -> None:
    known = {what for one in MENDABLE for what in (one, one.partition(".")[0])}
    for kind in kinds:
        if kind not in known:
            there = ", ".join(sorted(known))
            raise Failed(f"There is no kind {kind!r}; there are {there}", NOT_FOUND)


def _is_of(what: str, kinds: Sequence[str]) -> bool:
    return not kinds or what in kinds or what.partition(".")[0] in kinds


def _getter(door: Door) -> Any:
    async def getter(cluster_id: str) -> Get:
        address = await door.database.read(address_of, cluster_id)
        if address is None:
            raise ClusterAway("it is not registered any more")
        return BlockingReader(address).get

    return getter


def add_all(main: click.Group) -> None:
    """
    The command.
    """
    main.add_command(reconcile)
