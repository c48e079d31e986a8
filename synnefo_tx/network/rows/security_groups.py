"""
Security groups: making, changing and deleting them, and the default one of each project.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.effect import forms
from synnefo_tx.effect.rows import things
from synnefo_tx.network import group_errors as errors
from synnefo_tx.network.rows import tags
from synnefo_tx.network.rows.ask import Ask, charge, give_back
from synnefo_tx.network.rows.change_networks import touched
from synnefo_tx.network.rows.group_tables import (
    port_security_groups,
    security_group_rules,
    security_groups,
)
from synnefo_tx.network.rules.attributes import Values, as_columns
from synnefo_tx.network.rules.security_groups import DEFAULT, GROUP, first_rules
from synnefo_tx.quota import registered
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.rows import holdings


def create(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new group's id.  Raises DefaultExists or OverQuota.
    """
    ensure_default(connection, ask.project_id, ask.now_us)
    if values["name"] == DEFAULT:
        raise errors.DefaultExists
    group_id = str(uuid.uuid4())
    rules = first_rules(group_id, is_default=False)
    charge(connection, ask.project_id, _charges(1, len(rules)))
    _insert(connection, group_id, ask.project_id, as_columns(GROUP, values), rules, ask.now_us)
    return group_id


def change(connection: Connection, ask: Ask, row: Any, values: Values) -> None:
    """
    Raises CannotUpdateDefault or DefaultExists.
    """
    name = values.get("name", row.name)
    if name != row.name and row.default_of is not None:
        raise errors.CannotUpdateDefault
    if name != row.name and name == DEFAULT:
        raise errors.DefaultExists
    touched(connection, security_groups, row.id, as_columns(GROUP, values), ask.now_us)


def remove(connection: Connection, ask: Ask, row: Any) -> None:
    """
    The group, with its rules and those of others that name it.  Raises CannotRemoveDefault or
    SecurityGroupInUse.
    """
    if row.default_of is not None and not ask.caller.is_admin:
        raise errors.CannotRemoveDefault
    members = select(port_security_groups.c.port_id).where(
        port_security_groups.c.group_id == row.id
    )
    if connection.execute(members.limit(1)).first() is not None:
        raise errors.SecurityGroupInUse(row.id)
    named = security_group_rules.c.remote_group_id == row.id
    of_it = security_group_rules.c.group_id == row.id
    others = connection.execute(
        select(security_group_rules.c.group_id).where(named, ~of_it).distinct()
    ).all()
    for project_id, many in connection.execute(
        select(security_group_rules.c.project_id, func.count())
        .where(named | of_it)
        .group_by(security_group_rules.c.project_id)
    ).all():
        give_back(connection, project_id, {registered.SECURITY_GROUP_RULE: many})
    connection.execute(delete(security_group_rules).where(named | of_it))
    for other in others:
        changed(connection, other.group_id, ask.now_us)
    tags.forget(connection, "security_groups", [row.id])
    things.leave(connection, things.Thing(forms.SECURITY_GROUP, row.id), ask.now_us)
    connection.execute(delete(security_groups).where(security_groups.c.id == row.id))
    give_back(connection, row.project_id, {registered.SECURITY_GROUP: 1})


def changed(connection: Connection, group_id: str, now_us: int) -> None:
    """
    Its rules have changed: clusters that have the group shall have it as it is now.
    """
    touched(connection, security_groups, group_id, {}, now_us)
    things.want(connection, things.Thing(forms.SECURITY_GROUP, group_id), now_us)


def find_default(connection: Connection, project_id: str) -> str | None:
    """
    The id of the project's default group; None before its first use.
    """
    found: str | None = connection.execute(
        select(security_groups.c.id).where(security_groups.c.default_of == project_id)
    ).scalar()
    return found


def ensure_default(connection: Connection, project_id: str, now_us: int) -> str:
    """
    The id of the project's default group, which is made when it is not there; whatever the quota.
    """
    found = find_default(connection, project_id)
    if found is not None:
        return found
    group_id = str(uuid.uuid4())
    rules = first_rules(group_id, is_default=True)
    columns = {
        "name": DEFAULT,
        "description": "Default security group",
        "default_of": project_id,
        "stateful": True,
    }
    try:
        with connection.begin_nested():
            _insert(connection, group_id, project_id, columns, rules, now_us)
    except IntegrityError:  # somebody else was first
        found = find_default(connection, project_id)
        assert found is not None
        return found
    payer = Payer("", project_id)
    holdings.take(connection, payer, _charges(1, len(rules)), force=True)
    return group_id


def rules_of(connection: Connection, group_ids: Sequence[str]) -> dict[str, list[Any]]:
    """
    Each group's rules, oldest first.
    """
    found: dict[str, list[Any]] = {}
    for row in connection.execute(
        select(security_group_rules)
        .where(security_group_rules.c.group_id.in_(group_ids))
        .order_by(security_group_rules.c.created_at, security_group_rules.c.id)
    ):
        found.setdefault(row.group_id, []).append(row)
    return found


def _charges(groups: int, rules: int) -> dict[str, int]:
    return {registered.SECURITY_GROUP: groups, registered.SECURITY_GROUP_RULE: rules}


def _insert(
    connection: Connection,
    group_id: str,
    project_id: str,
    columns: Values,
    rules: Sequence[Values],
    now_us: int,
) -> None:
    usual = {"project_id": project_id, "created_at": now_us, "updated_at": now_us}
    connection.execute(insert(security_groups).values(id=group_id, **columns, **usual))
    for rule in rules:
        connection.execute(
            insert(security_group_rules).values(
                id=str(uuid.uuid4()), group_id=group_id, description="", **rule, **usual
            )
        )
