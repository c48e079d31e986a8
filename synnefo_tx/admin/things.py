"""
list, show, create, modify and delete of all that the identity API has in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import click
from attrs import field, frozen

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import WRONG_INPUT, Failed
from synnefo_tx.admin.naming import found, id_of
from synnefo_tx.admin.output import shape_of, shaped, show_one, show_rows

REFERENCES = {  # fields that hold the id of another, who may be named
    "domain_id": "domain",
    "default_project_id": "project",
    "parent_id": "project",
    "service_id": "service",
    "region_id": "region",
}
F = TypeVar("F", bound=Callable[..., Any])
MANY = 1000  # asked for at once


@frozen
class Sort:
    """
    fields: what may be given at create and modify, as options.  needed: the first of them that
    create takes as its argument.  columns: of the list.  in_domains: whether names are unique in a
    domain only.
    """

    noun: str
    columns: Sequence[str]
    fields: Sequence[str]
    argument: str = "name"
    in_domains: bool = False
    flags: Sequence[str] = field(default=("enabled",))


SORTS = (
    Sort(
        "user",
        ("id", "name", "domain_id", "enabled", "default_project_id"),
        ("description", "email", "domain_id", "default_project_id"),
        in_domains=True,
    ),
    Sort(
        "project",
        ("id", "name", "domain_id", "parent_id", "enabled"),
        ("description", "domain_id", "parent_id"),
        in_domains=True,
    ),
    Sort(
        "group",
        ("id", "name", "domain_id", "description"),
        ("description", "domain_id"),
        in_domains=True,
        flags=(),
    ),
    Sort("domain", ("id", "name", "enabled", "description"), ("description",)),
    Sort("role", ("id", "name", "domain_id"), ("description", "domain_id"), flags=()),
    Sort("service", ("id", "name", "type", "enabled"), ("name", "description"), argument="type"),
    Sort(
        "endpoint",
        ("id", "service_id", "interface", "region_id", "url", "enabled"),
        ("service_id", "interface", "region_id"),
        argument="url",
    ),
    Sort(
        "region",
        ("id", "parent_region_id", "description"),
        ("description",),
        argument="id",
        flags=(),
    ),
)


def add_all(main: click.Group) -> None:
    """
    A group of commands for each sort.
    """
    for sort in SORTS:
        group = click.Group(sort.noun, help=f"{sort.noun.capitalize()}s.")
        for add in (_list, _show, _create, _modify, _delete):
            group.add_command(add(sort))
        main.add_command(group)


def listed(
    door: Door, path: str, key: str, query: dict[str, Any], limit: int | None, marker: str | None
) -> list[dict[str, Any]]:
    """
    Pages of the list until `limit`, or all.
    """
    rows: list[dict[str, Any]] = []
    while limit is None or len(rows) < limit:
        most = MANY if limit is None else min(MANY, limit - len(rows))
        page = door.ask("GET", path, query=query | {"limit": most, "marker": marker})
        rows += page[key]
        if not page.get("links", {}).get("next"):
            break
        marker = rows[-1]["id"]
    return rows


def _list(sort: Sort) -> click.Command:
    @click.command("list", help=f"List {sort.noun}s.")
    @click.option(
        "-f",
        "--filter",
        "filters",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Also FIELD__contains=, __icontains=, __startswith= ...; may be repeated.",
    )
    @click.option("--limit", type=click.IntRange(1), help="At most so many.")
    @click.option("--marker", help="Those after this id.")
    @shaped
    @click.pass_context
    def command(
        context: click.Context,
        filters: tuple[str, ...],
        limit: int | None,
        marker: str | None,
        form: str,
        fields: str,
    ) -> None:
        door: Door = context.obj()
        query = _query(door, sort, filters)
        rows = listed(door, f"/{sort.noun}s", f"{sort.noun}s", query, limit, marker)
        show_rows(rows, shape_of(form, fields), sort.columns)

    return command


def _query(door: Door, sort: Sort, filters: Sequence[str]) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for one in filters:
        name, equals, value = one.partition("=")
        plain = name.partition("__")[0]
        if not equals or plain not in {*sort.columns, *sort.fields, sort.argument}:
            there = ", ".join(sort.columns)
            raise Failed(f"-f: {one!r} is no FIELD=VALUE; fields are {there}", WRONG_INPUT)
        query[name] = _value(door, name, value)
    return query


def _show(sort: Sort) -> click.Command:
    @click.command("show", help=f"Show one {sort.noun}, by id or name.")
    @click.argument("named", metavar=sort.noun.upper())
    @click.option("--domain", help="Where its name is, by id or name.")
    @shaped
    @click.pass_context
    def command(
        context: click.Context, named: str, domain: str | None, form: str, fields: str
    ) -> None:
        one = found(context.obj(), sort.noun, named, domain)
        one.pop("links", None)
        show_one(one, shape_of(form, fields))

    return command


def _create(sort: Sort) -> click.Command:
    @click.command("create", help=f"A new {sort.noun}.")
    @click.argument("named", metavar=sort.argument.upper())
    @_given(sort)
    @shaped
    @click.pass_context
    def command(
        context: click.Context, /, named: str, form: str, fields: str, **given: Any
    ) -> None:
        door: Door = context.obj()
        body = {sort.argument: named} | _changes(door, sort, given)
        if sort.in_domains:
            body.setdefault("domain_id", "default")
        made = door.ask("POST", f"/{sort.noun}s", {sort.noun: body})[sort.noun]
        made.pop("links", None)
        show_one(made, shape_of(form, fields))

    return command


def _modify(sort: Sort) -> click.Command:
    @click.command("modify", help=f"Change a {sort.noun}.")
    @click.argument("named", metavar=sort.noun.upper())
    @click.option("--in-domain", help="Where its name is, by id or name.")
    @click.option("--rename", help="Another name.")
    @_given(sort)
    @shaped
    @click.pass_context
    def command(
        context: click.Context,
        /,
        named: str,
        in_domain: str | None,
        rename: str | None,
        form: str,
        fields: str,
        **given: Any,
    ) -> None:
        door: Door = context.obj()
        changes = _changes(door, sort, given) | ({"name": rename} if rename is not None else {})
        if not changes:
            raise Failed("There is nothing to change: give an option.", WRONG_INPUT)
        one = found(door, sort.noun, named, in_domain)
        path = f"/{sort.noun}s/{quote(one['id'], safe='')}"
        after = door.ask("PATCH", path, {sort.noun: changes})[sort.noun]
        after.pop("links", None)
        show_one(after, shape_of(form, fields))

    return command


def _delete(sort: Sort) -> click.Command:
    @click.command("delete", help=f"Delete {sort.noun}s; that can't be undone.")
    @click.argument("named", metavar=f"{sort.noun.upper()}...", nargs=-1, required=True)
    @click.option("--domain", help="Where their names are, by id or name.")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    @click.pass_context
    def command(
        context: click.Context, named: tuple[str, ...], domain: str | None, yes: bool
    ) -> None:
        door: Door = context.obj()
        ids = [id_of(door, sort.noun, one, domain) for one in named]
        if not yes:
            click.confirm(f"Delete {sort.noun} {', '.join(named)}?", abort=True)
        for one in ids:
            door.ask("DELETE", f"/{sort.noun}s/{quote(one, safe='')}")

    return command


def _given(sort: Sort) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for name in reversed(sort.fields):
            flag = f"--{name.removesuffix('_id').replace('_', '-')}"
            note = "By id or name." if name in REFERENCES else None
            command = click.option(flag, name, help=note)(command)
        for name in sort.flags:
            command = click.option("--enable/--disable", name, default=None)(command)
        return command

    return decorate


def _changes(door: Door, sort: Sort, given: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name in (*sort.fields, *sort.flags):
        value = given.get(name)
        if value is not None:
            changes[name] = _value(door, name, value) if isinstance(value, str) else value
    return changes


def _value(door: Door, name: str, value: str) -> str:
    noun = REFERENCES.get(name)
    if noun is None or not value:
        return value
    if name == "parent_id" and value == "default":
        return value
    return id_of(door, noun, value)
