"""
How people log in.
"""

from __future__ import annotations

import click

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.naming import id_of
from synnefo_tx.admin.output import shape_of, shaped, show_rows
from synnefo_tx.people.rows import factors, methods
from synnefo_tx.people.telling import ENDED, told
from synnefo_tx.people.views.people import moment


@click.command("log-ins")
@click.argument("user")
@click.option("--domain", help="Where the name is, by id or name.")
@shaped
@click.pass_context
def log_ins(context: click.Context, user: str, domain: str | None, form: str, fields: str) -> None:
    """
    List the ways by which a user logs in, and what is asked for beside them.
    """
    door: Door = context.obj()
    user_id = id_of(door, "user", user, domain)
    rows = [
        {"method": one.name, "identifier": one.identifier, "last_used_at": moment(one.seen_at)}
        for one in door.read(methods.methods_of, user_id)
    ]
    standing = door.read(factors.standing, user_id)
    if standing.enrolled:
        left = f"{standing.codes_left} recovery codes left"
        rows.append({"method": "second factor", "identifier": left, "last_used_at": None})
    show_rows(rows, shape_of(form, fields), ("method", "identifier", "last_used_at"))


@click.command("end-second-factor")
@click.argument("user")
@click.option("--domain", help="Where the name is, by id or name.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def end_second_factor(context: click.Context, user: str, domain: str | None, yes: bool) -> None:
    """
    For somebody who has lost the second factor and the recovery codes.
    """
    door: Door = context.obj()
    if not yes:
        click.confirm(f"Is a password enough for {user} from now on?", abort=True)
    user_id = id_of(door, "user", user, domain)
    entry = door.entry("account:end_second_factor", "user", user_id)
    unit = told(door.settings.base_url, ENDED, factors.disenrol)
    door.write(entry, unit, user_id, by_person=False)


def add_all(main: click.Group) -> None:
    """
    In the group of users.
    """
    users = main.commands["user"]
    assert isinstance(users, click.Group)
    for command in (log_ins, end_second_factor):
        users.add_command(command)
