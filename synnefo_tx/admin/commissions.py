"""
Commissions that wait to be resolved.
"""

from __future__ import annotations

import time

import click

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import DIFFERENCES, NOT_FOUND, Failed
from synnefo_tx.admin.output import shape_of, shaped, show_one, show_rows
from synnefo_tx.admin.quotas import FIX, looked
from synnefo_tx.audit.rows.retention import DAY_US
from synnefo_tx.quota.rows import commissions, verify


@click.group()
def commission() -> None:
    """
    Changes of quota that services have asked for and not resolved.
    """


@commission.command("list")
@click.option("--client", help="Of this service's user only.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@click.option("--marker", type=click.IntRange(0), help="Those after this serial.")
@shaped
@click.pass_context
def commission_list(
    context: click.Context,
    client: str | None,
    limit: int | None,
    marker: int | None,
    form: str,
    fields: str,
) -> None:
    """
    List pending commissions, the oldest first.
    """
    found = context.obj().read(commissions.all_pending, client, marker, limit)
    rows = [dict(row._mapping) for row in found]
    show_rows(rows, shape_of(form, fields), ("serial", "client", "name", "issued_at"))


@commission.command("show")
@click.argument("serial", type=click.IntRange(1))
@shaped
@click.pass_context
def commission_show(context: click.Context, serial: int, form: str, fields: str) -> None:
    """
    Show one with its provisions.
    """
    door: Door = context.obj()
    row, provisions = door.read(commissions.find, _client(door, serial), serial)
    asked = [
        {
            "holder": one.key.holder,
            "source": one.key.source,
            "resource": one.key.resource,
            "quantity": one.quantity,
        }
        for one in provisions
    ]
    show_one(dict(row._mapping) | {"provisions": asked}, shape_of(form, fields))


def _client(door: Door, serial: int) -> str:
    client = door.read(commissions.client_of, serial)
    if client is None:
        raise Failed(f"There is no pending commission {serial}.", NOT_FOUND)
    return client


def _resolving(name: str, accepted: bool) -> click.Command:
    @click.command(name, help=f"{name.capitalize()} a pending commission; that can't be undone.")
    @click.argument("serial", type=click.IntRange(1))
    @click.option("--yes", is_flag=True, help="Don't ask.")
    @click.pass_context
    def command(context: click.Context, serial: int, yes: bool) -> None:
        door: Door = context.obj()
        client = _client(door, serial)
        if not yes:
            click.confirm(f"{name.capitalize()} commission {serial} of {client}?", abort=True)
        entry = door.entry(f"quota:{name}_commission", "commission", str(serial), client=client)
        door.write(entry, commissions.resolve_one, client, serial, accepted, door.now_us())

    return command


@click.command("reconcile-commissions")
@click.argument("client")
@click.option(
    "--accepted",
    type=click.IntRange(1),
    multiple=True,
    help="A serial that the client knows as accepted; may be repeated.",
)
@click.option(
    "--older-than",
    type=click.IntRange(0),
    default=600,
    show_default=True,
    help="Seconds; younger ones may be under way.",
)
@FIX
@shaped
@click.pass_context
def reconcile_commissions(
    context: click.Context,
    client: str,
    accepted: tuple[int, ...],
    older_than: int,
    fix: bool,
    form: str,
    fields: str,
) -> None:
    """
    What a client has left pending: accepted when it knows it so, else rejected.
    """
    door: Door = context.obj()
    before_us = int((time.time() - older_than) * 1e6)
    entry = door.entry("quota:reconcile_commissions", "commission", "", client=client)
    unit = verify.reconcile_commissions
    found = looked(door, entry, fix, unit, client, accepted, before_us, door.now_us())
    rows = [{"serial": one, "verdict": "accept"} for one in found.accepted]
    rows += [{"serial": one, "verdict": "reject"} for one in found.rejected]
    show_rows(rows, shape_of(form, fields), ("serial", "verdict"))
    if rows and not fix:
        context.exit(DIFFERENCES)


@commission.command("expire")
@click.option("--days", type=click.IntRange(30), required=True, help="What is older goes.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def commission_expire(context: click.Context, days: int, yes: bool) -> None:
    """
    Forget what became of commissions that were resolved long ago.  What is used stays as it is.
    """
    door: Door = context.obj()
    if not yes:
        click.confirm(f"Forget commissions resolved more than {days} days ago?", abort=True)
    entry = door.entry("quota:expire_log", "commission", "", days=days)
    before_us = door.now_us() - days * DAY_US
    gone = door.write(entry, commissions.expire_log, before_us)
    click.echo(f"{gone} lines are gone")


def add_all(main: click.Group) -> None:
    """
    The commands.
    """
    commission.add_command(_resolving("accept", True))
    commission.add_command(_resolving("reject", False))
    for command in (commission, reconcile_commissions):
        main.add_command(command)
