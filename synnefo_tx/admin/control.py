"""
Projects as Astakos knows them: put to rest, woken, ended, and applications answered.
"""

from __future__ import annotations

import click

from synnefo_tx.account.model import Actor, Doing
from synnefo_tx.account.rows import applications, control, lists
from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import WRONG_INPUT, Failed
from synnefo_tx.admin.naming import id_of
from synnefo_tx.admin.output import shape_of, shaped, show_rows
from synnefo_tx.processes.telling import cloud_notifier

_LASTING = ("terminate", "deny")
MOST_DIGITS = 18  # of a number that databases have


@click.command("control")
@click.argument(
    "action",
    type=click.Choice(["approve", "deny", "suspend", "unsuspend", "terminate", "reinstate"]),
)
@click.argument("named", metavar="PROJECT|APPLICATION")
@click.option("--reason", default="", help="Told to those concerned.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def project_control(
    context: click.Context, action: str, named: str, reason: str, yes: bool
) -> None:
    """
    Suspend, unsuspend, terminate or reinstate a project, by id or name; approve or deny an
    application, by its number.
    """
    door: Door = context.obj()
    if action in _LASTING and not yes:
        click.confirm(f"{action.capitalize()} {named}?", abort=True)
    doing = _doing(door, reason)
    permission = f"account:{action}_project"  # as the API writes it
    if action in ("approve", "deny"):
        if not (named.isascii() and named.isdecimal()) or len(named) > MOST_DIGITS:
            raise Failed(f"{named!r} is no number of an application.", WRONG_INPUT)
        entry = door.entry(permission, "application", named, reason=reason)
        answer = applications.approve if action == "approve" else applications.deny
        door.write(entry, answer, doing, int(named))
        return
    project_id = id_of(door, "project", named)
    entry = door.entry(permission, "project", project_id, reason=reason)
    door.write(entry, control.control, doing, project_id, action)


@click.command("pending")
@shaped
@click.pass_context
def project_pending(context: click.Context, form: str, fields: str) -> None:
    """
    Projects with an application that waits for an answer.
    """
    door: Door = context.obj()
    found = door.read(lists.projects, _doing(door, "").actor, lists.Wanted())
    rows = [
        {
            "application": one.application.id,
            "project": one.row.id,
            "name": one.row.name,
            "applicant": one.application.applicant_id,
            "comments": one.application.comments,
        }
        for one in found
        if one.application is not None and one.application.state == "pending"
    ]
    show_rows(
        rows, shape_of(form, fields), ("application", "project", "name", "applicant", "comments")
    )


@click.command("expired")
@click.option("--fix", is_flag=True, help="Terminate them, and not only tell.")
@shaped
@click.pass_context
def project_expired(context: click.Context, fix: bool, form: str, fields: str) -> None:
    """
    Projects whose time is over.
    """
    door: Door = context.obj()
    reason = "expired"
    doing = _doing(door, reason)
    found = door.read(control.expired, doing.now_us)
    for row in found if fix else ():
        line = door.entry("account:terminate_project", "project", row.id, reason=reason)
        door.change(control.end_expired, doing, line)
    rows = [{"project": row.id, "name": row.name, "end_at": row.end_at} for row in found]
    show_rows(rows, shape_of(form, fields), ("project", "name", "end_at"))


def _doing(door: Door, reason: str) -> Doing:
    actor = Actor(door.who, is_admin=True)
    return Doing(actor, door.now_us(), door.horizon_s, reason, cloud_notifier(door.settings))


def add_all(main: click.Group) -> None:
    """
    The commands, in the group of projects.
    """
    projects = main.commands["project"]
    assert isinstance(projects, click.Group)
    for command in (project_control, project_pending, project_expired):
        projects.add_command(command)
