"""
Passwords, groups, members and roles.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import WRONG_INPUT, Failed
from synnefo_tx.admin.naming import id_of
from synnefo_tx.admin.output import shape_of, shaped, show_rows
from synnefo_tx.admin.things import listed


@click.command("password")
@click.argument("user")
@click.option("--domain", help="Where the name is, by id or name.")
@click.option("--stdin", is_flag=True, help="Read it from standard input, and don't ask.")
@click.pass_context
def password(context: click.Context, user: str, domain: str | None, stdin: bool) -> None:
    """
    Give a user another password; the user's tokens end.
    """
    door: Door = context.obj()
    path = f"/users/{id_of(door, 'user', user, domain)}"
    if stdin:
        new = sys.stdin.readline().rstrip("\n")
    else:
        new = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    door.ask("PATCH", path, {"user": {"password": new}})


def _switch(noun: str, enabled: bool) -> click.Command:
    name = "enable" if enabled else "disable"

    @click.command(
        name, help=f"{name.capitalize()} a {noun}" + ("." if enabled else "; tokens end.")
    )
    @click.argument("named", metavar=noun.upper())
    @click.option("--domain", help="Where the name is, by id or name.")
    @click.pass_context
    def command(context: click.Context, named: str, domain: str | None) -> None:
        door: Door = context.obj()
        path = f"/{noun}s/{id_of(door, noun, named, domain)}"
        door.ask("PATCH", path, {noun: {"enabled": enabled}})

    return command


@click.command("groups")
@click.argument("user")
@shaped
@click.pass_context
def groups(context: click.Context, user: str, form: str, fields: str) -> None:
    """
    The groups that a user is in.
    """
    door: Door = context.obj()
    path = f"/users/{id_of(door, 'user', user)}/groups"
    rows = listed(door, path, "groups", {}, None, None)
    show_rows(rows, shape_of(form, fields), ("id", "name", "domain_id"))


@click.command("members")
@click.argument("group")
@shaped
@click.pass_context
def group_members(context: click.Context, group: str, form: str, fields: str) -> None:
    """
    The users in a group.
    """
    door: Door = context.obj()
    path = f"/groups/{id_of(door, 'group', group)}/users"
    rows = listed(door, path, "users", {}, None, None)
    show_rows(rows, shape_of(form, fields), ("id", "name", "domain_id", "enabled"))


def _membership(name: str, method: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("group")
    @click.argument("user")
    @click.pass_context
    def command(context: click.Context, group: str, user: str) -> None:
        door: Door = context.obj()
        path = f"/groups/{id_of(door, 'group', group)}/users/{id_of(door, 'user', user)}"
        door.ask(method, path)

    return command


@click.command("members")
@click.argument("project")
@shaped
@click.pass_context
def project_members(context: click.Context, project: str, form: str, fields: str) -> None:
    """
    Who has which role on a project, also by groups and inherited ones.
    """
    door: Door = context.obj()
    query = {"scope.project.id": id_of(door, "project", project)}
    _show_assignments(door, query, effective=True, form=form, fields=fields)


def _place(door: Door, given: dict[str, Any]) -> tuple[str, str, str, str]:
    """
    Kind and id of whom, kind and id of where.
    """
    who = [kind for kind in ("user", "group") if given[kind]]
    where = [kind for kind in ("project", "domain", "system") if given[kind]]
    if len(who) != 1 or len(where) != 1:
        raise Failed("Give --user or --group, and --project, --domain or --system.", WRONG_INPUT)
    actor, target = who[0], where[0]
    target_id = "all" if target == "system" else id_of(door, target, given[target])
    return actor, id_of(door, actor, given[actor]), target, target_id


def _parties(command: Any) -> Any:
    for one in (
        click.option("--inherited", is_flag=True, help="Below the place, and not on it."),
        click.option("--system", is_flag=True),
        click.option("--domain", help="By id or name."),
        click.option("--project", help="By id or name."),
        click.option("--group", help="By id or name."),
        click.option("--user", help="By id or name."),
    ):
        command = one(command)
    return command


def _granting(name: str, method: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("role")
    @_parties
    @click.pass_context
    def command(context: click.Context, /, role: str, inherited: bool, **given: Any) -> None:
        door: Door = context.obj()
        actor, actor_id, target, target_id = _place(door, given)
        role_id = id_of(door, "role", role)
        if target == "system":
            if inherited:
                raise Failed("Nothing is below the system.", WRONG_INPUT)
            door.ask(method, f"/system/{actor}s/{actor_id}/roles/{role_id}")
            return
        path = f"/{target}s/{target_id}/{actor}s/{actor_id}/roles/{role_id}"
        if inherited:
            path = f"/OS-INHERIT{path}/inherited_to_projects"
        door.ask(method, path)

    return command


@click.command("assignments")
@click.option("--effective", is_flag=True, help="With groups, inheritance and implied roles.")
@click.option("--role", help="By id or name.")
@_parties
@shaped
@click.pass_context
def assignments(
    context: click.Context,
    /,
    effective: bool,
    role: str | None,
    inherited: bool,
    form: str,
    fields: str,
    **given: Any,
) -> None:
    """
    Who holds which role where.
    """
    door: Door = context.obj()
    query: dict[str, Any] = {"role.id": id_of(door, "role", role) if role else None}
    for kind in ("user", "group"):
        if given[kind]:
            query[f"{kind}.id"] = id_of(door, kind, given[kind])
    for kind in ("project", "domain"):
        if given[kind]:
            query[f"scope.{kind}.id"] = id_of(door, kind, given[kind])
    if given["system"]:
        query["scope.system"] = "all"
    if inherited:
        query["scope.OS-INHERIT:inherited_to"] = "projects"
    _show_assignments(door, query, effective=effective, form=form, fields=fields)


def _show_assignments(
    door: Door, query: dict[str, Any], *, effective: bool, form: str, fields: str
) -> None:
    query = query | {"include_names": "true", "effective": "true" if effective else None}
    found = door.ask("GET", "/role_assignments", query=query)["role_assignments"]
    rows = [_assignment(one) for one in found]
    show_rows(
        rows, shape_of(form, fields), ("role", "actor", "name", "scope", "place", "inherited")
    )


def _assignment(one: dict[str, Any]) -> dict[str, Any]:
    actor = "user" if "user" in one else "group"
    [scope] = [kind for kind in one["scope"] if not kind.startswith("OS-")]
    place = one["scope"][scope]
    return {
        "role": one["role"].get("name"),
        "role_id": one["role"]["id"],
        "actor": actor,
        "id": one[actor]["id"],
        "name": one[actor].get("name"),
        "scope": scope,
        "place": "all" if scope == "system" else place.get("name"),
        "place_id": "all" if scope == "system" else place["id"],
        "inherited": "OS-INHERIT:inherited_to" in one["scope"],
    }


def add_all(main: click.Group) -> None:
    """
    The commands, each in its group.
    """
    for group, commands in {
        "user": (password, _switch("user", True), _switch("user", False), groups),
        "project": (project_members, _switch("project", True), _switch("project", False)),
        "domain": (_switch("domain", True), _switch("domain", False)),
        "group": (
            group_members,
            _membership("add-user", "PUT", "A user gets the group's roles."),
            _membership("remove-user", "DELETE", "A user loses the group's roles; tokens end."),
        ),
        "role": (
            _granting("grant", "PUT", "Give a role."),
            _granting("revoke", "DELETE", "Take a role away; tokens end."),
            assignments,
        ),
    }.items():
        place = main.commands[group]
        assert isinstance(place, click.Group)
        for command in commands:
            place.add_command(command)
