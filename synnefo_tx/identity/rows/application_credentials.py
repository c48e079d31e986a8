"""
Units of work on application credentials: their roles, and the calls that they are good for.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, insert, select

from synnefo_tx.errors import BadRequest, Forbidden, NotFound
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.model import AccessRule, ApplicationCredential, RevocationKind, Role
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.delegation_tables import (
    access_rules,
    application_credential_roles,
    application_credential_rules,
    application_credentials,
)
from synnefo_tx.identity.rows.effective import implied_by, roles_on_project
from synnefo_tx.identity.rows.kinds import ACCESS_RULE, ROLE
from synnefo_tx.identity.rows.revocations import end_of, revoke
from synnefo_tx.identity.rows.tables import roles
from synnefo_tx.identity.rows.things import Kind, Thing

NOT_HELD = "Cannot create an application credential with unassigned role"


class CredentialInvalid(BadRequest):
    """
    An application credential that can't be.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(f"Invalid application credential: {detail}")


class RuleInUse(Forbidden):
    """
    An access rule that an application credential has.
    """

    def __init__(self) -> None:
        super().__init__("May not delete access rule in use")


def create_credential(
    connection: Connection, kind: Kind, thing: Thing, held_names: Sequence[str], *, delegated: bool
) -> Thing:
    """
    A new one.  held_names: roles of the token that asks for it, all that a delegated token may
    hand on; others hand on what their user has come to hold meanwhile too.

    thing: as clients give it, "roles" and "access_rules" too.  Raises CredentialInvalid,
    AccountNotFound, DuplicateEntry.
    """
    row = {name: value for name, value in thing.items() if name in kind.columns}
    given = _roles(connection, row, thing.get("roles") or [], held_names, delegated=delegated)
    things.create(connection, kind, row)
    for role in given:
        connection.execute(
            insert(application_credential_roles).values(credential_id=row["id"], role_id=role.id)
        )
    wanted = thing.get("access_rules") or []
    for rule_id in dict.fromkeys(_rule(connection, row["user_id"], one) for one in wanted):
        connection.execute(
            insert(application_credential_rules).values(credential_id=row["id"], rule_id=rule_id)
        )
    return with_parts(connection, [things.fetch(connection, kind, row["id"])])[0]


def remove_credential(
    connection: Connection, kind: Kind, thing: Thing, now: int, horizon_s: int
) -> None:
    """
    It goes, and its tokens end.  Its access rules stay.
    """
    tables: tuple[Table, ...] = (application_credential_roles, application_credential_rules)
    for table in tables:
        connection.execute(delete(table).where(table.c.credential_id == thing["id"]))
    ended = end_of(RevocationKind.APPLICATION_CREDENTIAL, thing["id"], now, horizon_s)
    revoke(connection, ended, now)
    things.remove(connection, kind, thing["id"])


def with_parts(connection: Connection, found: Sequence[Thing]) -> list[Thing]:
    """
    Each with its "roles" and "access_rules", as lists of things.
    """
    ids = [one["id"] for one in found]
    held = _parts(connection, ROLE, application_credential_roles, "role_id", ids)
    limits = _parts(connection, ACCESS_RULE, application_credential_rules, "rule_id", ids)
    return [one | {"roles": held[one["id"]], "access_rules": limits[one["id"]]} for one in found]


def credential(connection: Connection, credential_id: str) -> ApplicationCredential | None:
    """
    The one with this id.
    """
    return _first(connection, application_credentials.c.id == credential_id)


def credential_named(
    connection: Connection, user_id: str, name: str
) -> ApplicationCredential | None:
    """
    The user's one with this name.
    """
    table = application_credentials
    return _first(connection, (table.c.user_id == user_id) & (table.c.name == name))


def of_user(user_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the user's application credentials.
    """
    return application_credentials.c.user_id == user_id


def rules_of_user(user_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the user's access rules.
    """
    return access_rules.c.user_id == user_id


def remove_rule(connection: Connection, rule_id: str) -> None:
    """
    An access rule goes.  Raises RuleInUse.
    """
    table = application_credential_rules
    if connection.execute(select(table.c.rule_id).where(table.c.rule_id == rule_id)).first():
        raise RuleInUse
    things.remove(connection, ACCESS_RULE, rule_id)


def _first(connection: Connection, where: ColumnElement[bool]) -> ApplicationCredential | None:
    row = connection.execute(select(application_credentials).where(where)).mappings().first()
    if row is None:
        return None
    parts = with_parts(connection, [{"id": row["id"]}])[0]
    return ApplicationCredential(
        **{name: value for name, value in row.items() if name != "description"},
        role_ids=frozenset(role["id"] for role in parts["roles"]),
        access_rules=tuple(
            AccessRule(rule["id"], rule["service"], rule["method"], rule["path"])
            for rule in parts["access_rules"]
        ),
    )


def _roles(
    connection: Connection,
    row: Thing,
    wanted: Sequence[Mapping[str, str]],
    held: Sequence[str],
    *,
    delegated: bool,
) -> tuple[Role, ...]:
    """
    The roles wanted and what they imply; all that the caller works with if none are wanted.
    """
    effective = roles_on_project(connection, row["user_id"], row["project_id"])
    mine = {role.id: role for role in effective if not role.domain_id}
    shown = {role.id: role for role in mine.values() if role.name in held}
    if not wanted:
        return tuple(shown.values())
    if delegated:
        mine = shown
    chosen = implied_by(connection, tuple(_role_id(connection, one) for one in wanted))
    if not chosen or any(role.id not in mine for role in chosen):
        raise CredentialInvalid(NOT_HELD)
    return chosen


def _role_id(connection: Connection, wanted: Mapping[str, str]) -> str:
    if "id" in wanted:
        found = things.find(connection, ROLE, wanted["id"])
        if found is None:
            raise CredentialInvalid(NOT_HELD)
        return wanted["id"]
    return role_named(connection, wanted["name"])


def role_named(connection: Connection, name: str) -> str:
    """
    The id of a role of the cloud.  Raises NotFound.
    """
    found = select(roles.c.id).where(roles.c.name == name, roles.c.domain_id == "")
    role_id = connection.execute(found).scalar()
    if role_id is None:
        raise NotFound(f"Role {name} is not defined")
    return str(role_id)


def _rule(connection: Connection, user_id: str, wanted: Mapping[str, str]) -> str:
    """
    The id of the user's access rule, made if there is none like it.
    """
    if "id" in wanted:
        found = things.find(connection, ACCESS_RULE, wanted["id"])
        if found is None or found["user_id"] != user_id:
            raise AccountNotFound("Access Rule", wanted["id"])
        return wanted["id"]
    parts = {name: wanted[name] for name in ("service", "method", "path")}
    same = select(access_rules.c.id).filter_by(user_id=user_id, **parts)
    rule_id = connection.execute(same).scalar()
    if rule_id is None:
        rule_id = uuid.uuid4().hex
        connection.execute(insert(access_rules).values(id=rule_id, user_id=user_id, **parts))
    return str(rule_id)


def _parts(
    connection: Connection, kind: Kind, between: Table, column: str, ids: Sequence[str]
) -> dict[str, list[Thing]]:
    """
    The things that each credential has through the table `between`.
    """
    wanted: Select[Any] = (
        select(kind.table, between.c.credential_id)
        .join(between, between.c[column] == kind.table.c.id)
        .where(between.c.credential_id.in_(ids))
        .order_by(kind.table.c.id)
    )
    found: dict[str, list[Thing]] = defaultdict(list)
    for row in connection.execute(wanted).mappings():
        found[row["credential_id"]].append(things.thing_of(kind, row))
    return found
