"""
The audit log.
"""

from __future__ import annotations

from typing import Any

import click

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import WRONG_INPUT, Failed, told
from synnefo_tx.admin.output import shape_of, shaped, show_rows
from synnefo_tx.audit.rows.lists import lines
from synnefo_tx.audit.rows.retention import DAY_US, expire
from synnefo_tx.audit.rules.filters import FILTERS, wanted_lines
from synnefo_tx.audit.views.events import event_view

COLUMNS = (
    "id",
    "at",
    "action",
    "outcome",
    "user_id",
    "project_id",
    "target",
    "address",
    "request_id",
    "details",
)


@click.group()
def audit() -> None:
    """
    Who changed what, and when.
    """


@audit.command("list")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="FIELD=VALUE",
    help=f"Of {', '.join(sorted(FILTERS))}; may be repeated.",
)
@click.option("--since", help="A time such as 2026-11-25T03:10:38Z.")
@click.option("--until", help="Likewise; what is of this moment is out.")
@click.option("--limit", help="At most so many.")
@click.option("--marker", help="Those after this line's id.")
@shaped
@click.pass_context
def audit_list(
    context: click.Context, /, filters: tuple[str, ...], form: str, fields: str, **given: Any
) -> None:
    """
    Lines of the audit log, the newest first.
    """
    query = {name: str(value) for name, value in given.items() if value is not None}
    for one in filters:
        name, equals, value = one.partition("=")
        if not equals:
            raise Failed(f"-f: {one!r} is no FIELD=VALUE", WRONG_INPUT)
        query[name] = value
    with told():
        wanted = wanted_lines(query)
    found, _ = context.obj().read(lines, wanted)
    rows = [event_view(line) for line in found]
    show_rows(rows, shape_of(form, fields), COLUMNS)


@audit.command("expire")
@click.option("--days", type=click.IntRange(1), required=True, help="Lines older than that go.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def audit_expire(context: click.Context, days: int, yes: bool) -> None:
    """
    Old lines go, and a line tells it.  None younger than 30 days.
    """
    door: Door = context.obj()
    if not yes:
        click.confirm(f"Delete lines older than {days} days?", abort=True)
    now_us = door.now_us()
    gone = door.change(expire, now_us - days * DAY_US, door.who, now_us)
    click.echo(f"{gone} lines are gone")


def add_all(main: click.Group) -> None:
    """
    The command.
    """
    main.add_command(audit)
