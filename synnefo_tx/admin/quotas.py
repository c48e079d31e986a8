"""
Resources, quotas, and what is looked after when numbers are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import DIFFERENCES, NOT_FOUND, WRONG_INPUT, Failed
from synnefo_tx.admin.naming import id_of
from synnefo_tx.admin.output import Row, shape_of, shaped, show_rows
from synnefo_tx.admin.things import listed
from synnefo_tx.quota.model import NO_LIMIT
from synnefo_tx.quota.rows import limits, reports, resources, verify
from synnefo_tx.quota.services import SERVICES

FIX = click.option("--fix", is_flag=True, help="Make it so, and not only tell.")


@click.group()
def resource() -> None:
    """
    What is counted.
    """


@resource.command("list")
@shaped
@click.pass_context
def resource_list(context: click.Context, form: str, fields: str) -> None:
    """
    List resources with their default limits.
    """
    rows = [dict(row._mapping) for row in context.obj().read(resources.listed)]
    show_rows(rows, shape_of(form, fields), ("name", "unit", "system_default", "project_default"))


@resource.command("modify")
@click.argument("name")
@click.option(
    "--system-default",
    type=click.IntRange(NO_LIMIT),
    required=True,
    help="Of a personal project; -1: none.",
)
@click.option(
    "--project-default",
    type=click.IntRange(NO_LIMIT),
    required=True,
    help="Of any other project; -1: none.",
)
@click.pass_context
def resource_modify(
    context: click.Context, name: str, system_default: int, project_default: int
) -> None:
    """
    Other defaults, for all to whom nothing else was said.
    """
    door: Door = context.obj()
    entry = door.entry(
        "quota:set_defaults", "resource", name, system=system_default, project=project_default
    )
    _known(door, [name])
    door.write(entry, limits.set_defaults, name, system_default, project_default)


@click.group()
def quota() -> None:
    """
    What projects and their members may have, and have.
    """


@quota.command("list")
@click.option("--project", multiple=True, help="By id or name; may be repeated.")
@click.option("--user", help="What this user has of projects.")
@click.option("--resource", "names", multiple=True)
@click.option("--limit", type=click.IntRange(1), help="Of so many projects at most.")
@click.option("--marker", help="Of projects after this id.")
@shaped
@click.pass_context
def quota_list(
    context: click.Context,
    /,
    project: tuple[str, ...],
    user: str | None,
    names: tuple[str, ...],
    limit: int | None,
    marker: str | None,
    form: str,
    fields: str,
) -> None:
    """
    Limits and use of projects as a whole, or of a user in projects, by the projects' ids.
    """
    door: Door = context.obj()
    ids = [id_of(door, "project", one) for one in project] or None
    if ids is None and (limit is not None or marker is not None):
        ids = [one["id"] for one in listed(door, "/projects", "projects", {}, limit, marker)]
    wanted = _known(door, names)
    if user is None:
        found = door.read(reports.of_projects, wanted, ids)
        rows = [
            _holding(project_id, name, one)
            for project_id, held in found.items()
            for name, one in held.items()
        ]
    else:
        user_id = id_of(door, "user", user)
        of_user = door.read(reports.of_users, wanted, ids).get(user_id, {})
        rows = [
            _holding(project_id, name, one.member)
            for project_id, held in of_user.items()
            for name, one in held.items()
        ]
    show_rows(rows, shape_of(form, fields), ("project", "resource", "limit", "used", "pending"))


def _holding(project_id: str, name: str, one: Any) -> Row:
    return {
        "project": project_id,
        "resource": name,
        "limit": one.limit,
        "used": one.used,
        "pending": one.pending,
    }


def _known(door: Door, names: Sequence[str]) -> list[str]:
    there = [row.name for row in door.read(resources.listed)]
    for name in names:
        if name not in there:
            raise Failed(f"There is no resource {name!r}; see resource list.", NOT_FOUND)
    return list(names) or there


@quota.command("set")
@click.argument("project")
@click.argument("values", metavar="RESOURCE=LIMIT...", nargs=-1, required=True)
@click.option("--user", help="Of this member alone, by id or name.")
@click.pass_context
def quota_set(
    context: click.Context, project: str, values: tuple[str, ...], user: str | None
) -> None:
    """
    Limits of a project as a whole, or of one user in it.  -1 is none, "default" forgets what was
    set.  What is used is never touched.
    """
    door: Door = context.obj()
    asked = dict(_limit(one) for one in values)
    _known(door, list(asked))
    project_id = id_of(door, "project", project)
    if user is None:
        entry = door.entry("quota:set_project_limits", "project", project_id, limits=asked)
        door.write(entry, limits.set_project_limits, project_id, asked)
        return
    user_id = id_of(door, "user", user)
    entry = door.entry(
        "quota:set_member_limits", "project", project_id, user_id=user_id, limits=asked
    )
    door.write(entry, limits.set_member_limits, user_id, project_id, asked)


def _limit(text: str) -> tuple[str, int | None]:
    name, _, value = text.partition("=")
    if value == "default":
        return name, None
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 18 or int(value) < NO_LIMIT:
        raise Failed(f"{text!r} is no RESOURCE=LIMIT: a number, -1 or default", WRONG_INPUT)
    return name, int(value)


@quota.command("verify")
@click.option("--project", multiple=True, help="Only these, by id or name.")
@FIX
@shaped
@click.pass_context
def quota_verify(
    context: click.Context, project: tuple[str, ...], fix: bool, form: str, fields: str
) -> None:
    """
    Holdings whose limit or pending amount is not what it should be.  Exit status 4 when there are
    some and they are not fixed.
    """
    door: Door = context.obj()
    ids = [id_of(door, "project", one) for one in project] or None
    entry = door.entry("quota:verify", "quota", "", projects=ids, fix=fix)
    found = looked(door, entry, fix, verify.quota_verify, ids)
    _show_found(found, fix, form, fields)


@click.command("reconcile-resources")
@FIX
@shaped
@click.pass_context
def reconcile_resources(context: click.Context, fix: bool, form: str, fields: str) -> None:
    """
    Holdings whose use is not that of the servers, volumes, ports and so on.
    """
    door: Door = context.obj()
    entry = door.entry("quota:reconcile_resources", "quota", "", fix=fix)
    found = looked(door, entry, fix, verify.reconcile_resources, SERVICES)
    _show_found(found, fix, form, fields)


def looked(door: Door, entry: Any, fix: bool, unit: Any, *args: Any) -> Any:
    """
    What the unit finds; fix: and mends, with `entry` in the audit log.
    """
    if fix:
        return door.write(entry, unit, *args, fix=True)
    return door.look(unit, *args)  # takes locks, and writes nothing


def _show_found(found: Sequence[verify.Found], fix: bool, form: str, fields: str) -> None:
    rows = [
        {
            "holder": one.key.holder,
            "source": one.key.source,
            "resource": one.key.resource,
            "what": one.what,
            "held": one.held,
            "due": one.due,
        }
        for one in found
    ]
    usual = ("holder", "source", "resource", "what", "held", "due")
    show_rows(rows, shape_of(form, fields), usual)
    if found and not fix:
        click.get_current_context().exit(DIFFERENCES)


def add_all(main: click.Group) -> None:
    """
    The commands.
    """
    for command in (resource, quota, reconcile_resources):
        main.add_command(command)
