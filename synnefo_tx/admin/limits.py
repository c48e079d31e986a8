"""
Limits and registered limits that identity keeps for services that ask for them; what this cloud's
own services count is in `quota`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click
from attrs import frozen

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.naming import id_of
from synnefo_tx.admin.output import shape_of, shaped, show_one, show_rows
from synnefo_tx.admin.things import listed

NO_LIMIT = -1


@frozen
class _Sort:
    """
    key: as its list is called.  amount: the field that holds the number.  holders: nouns of what
    one is of, besides its service.
    """

    name: str
    key: str
    amount: str
    holders: tuple[str, ...]

    @property
    def noun(self) -> str:
        return self.key.removesuffix("s")

    @property
    def columns(self) -> tuple[str, ...]:
        held = tuple(f"{noun}_id" for noun in self.holders)
        return ("id", "service_id", "resource_name", *held, self.amount, "description")

    def path(self, limit_id: str = "") -> str:
        return f"/{self.key}/{quote(limit_id, safe='')}" if limit_id else f"/{self.key}"


SORTS = (
    _Sort("registered-limit", "registered_limits", "default_limit", ("region",)),
    _Sort("limit", "limits", "resource_limit", ("region", "project", "domain")),
)


def add_all(main: click.Group) -> None:
    """
    A group of commands for each sort.
    """
    for sort in SORTS:
        group = click.Group(sort.name, help=f"{sort.name.capitalize()}s of services.")
        for add in (_list, _show, _create, _modify, _delete):
            group.add_command(add(sort))
        main.add_command(group)


def _held(sort: _Sort) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for noun in reversed(("service", *sort.holders)):
            command = click.option(f"--{noun}", noun, help="By id or name.")(command)
        return command

    return decorate


def _ids(door: Door, given: dict[str, Any]) -> dict[str, str]:
    return {
        f"{noun}_id": id_of(door, noun, named) for noun, named in given.items() if named is not None
    }


def _list(sort: _Sort) -> click.Command:
    @click.command("list", help=f"List {sort.name}s.")
    @_held(sort)
    @click.option("--resource", help="Of this resource.")
    @click.option("--limit", type=click.IntRange(1), help="At most so many.")
    @click.option("--marker", help="Those after this id.")
    @shaped
    @click.pass_context
    def command(
        context: click.Context,
        /,
        resource: str | None,
        limit: int | None,
        marker: str | None,
        form: str,
        fields: str,
        **given: Any,
    ) -> None:
        door: Door = context.obj()
        query = {"resource_name": resource} | _ids(door, given)
        rows = listed(door, sort.path(), sort.key, query, limit, marker)
        show_rows(rows, shape_of(form, fields), sort.columns)

    return command


def _show(sort: _Sort) -> click.Command:
    @click.command("show", help=f"Show one {sort.name}.")
    @click.argument("limit_id", metavar="ID")
    @shaped
    @click.pass_context
    def command(context: click.Context, limit_id: str, form: str, fields: str) -> None:
        _told(context.obj().ask("GET", sort.path(limit_id))[sort.noun], form, fields)

    return command


def _told(one: dict[str, Any], form: str, fields: str) -> None:
    one.pop("links", None)
    show_one(one, shape_of(form, fields))


def _create(sort: _Sort) -> click.Command:
    @click.command("create", help=f"A new {sort.name}.")
    @click.argument("resource")
    @click.argument("number", type=click.IntRange(NO_LIMIT))
    @_held(sort)
    @click.option("--description")
    @shaped
    @click.pass_context
    def command(
        context: click.Context,
        /,
        resource: str,
        number: int,
        description: str | None,
        form: str,
        fields: str,
        **given: Any,
    ) -> None:
        door: Door = context.obj()
        body: dict[str, Any] = {"resource_name": resource, sort.amount: number}
        body |= _ids(door, given)
        if description is not None:
            body["description"] = description
        # Keystone answers with every limit that there is of these.
        made = door.ask("POST", sort.path(), {sort.key: [body]})[sort.key]
        _told(made[-1], form, fields)

    return command


def _modify(sort: _Sort) -> click.Command:
    @click.command("modify", help=f"Change the number of a {sort.name}, or its description.")
    @click.argument("limit_id", metavar="ID")
    @click.argument("number", type=click.IntRange(NO_LIMIT))
    @click.option("--description")
    @shaped
    @click.pass_context
    def command(
        context: click.Context,
        limit_id: str,
        number: int,
        description: str | None,
        form: str,
        fields: str,
    ) -> None:
        changes: dict[str, Any] = {sort.amount: number}
        if description is not None:
            changes["description"] = description
        after = context.obj().ask("PATCH", sort.path(limit_id), {sort.noun: changes})
        _told(after[sort.noun], form, fields)

    return command


def _delete(sort: _Sort) -> click.Command:
    @click.command("delete", help=f"Delete {sort.name}s; that can't be undone.")
    @click.argument("ids", metavar="ID...", nargs=-1, required=True)
    @click.option("--yes", is_flag=True, help="Don't ask.")
    @click.pass_context
    def command(context: click.Context, ids: tuple[str, ...], yes: bool) -> None:
        if not yes:
            click.confirm(f"Delete {sort.name} {', '.join(ids)}?", abort=True)
        for one in ids:
            context.obj().ask("DELETE", sort.path(one))

    return command
