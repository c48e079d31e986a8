"""
Rules of security groups: making, changing and deleting them.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.network import group_errors as errors
from synnefo_tx.network.rows import security_groups
from synnefo_tx.network.rows.ask import Ask, charge, give_back
from synnefo_tx.network.rows.change_networks import touched
from synnefo_tx.network.rows.group_kinds import GROUPS
from synnefo_tx.network.rows.group_tables import security_group_rules
from synnefo_tx.network.rows.lists import find
from synnefo_tx.network.rules.attributes import Values, as_columns
from synnefo_tx.network.rules.security_groups import RULE, check_rule
from synnefo_tx.quota import registered

_SAYS = ("direction", "ethertype", "protocol", "port_min", "port_max")
_REMOTES = ("remote_cidr", "remote_group_id")


def create(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new rule's id.  Raises SecurityGroupNotFound, InvalidRule, RuleExists or OverQuota.
    """
    group = find(connection, GROUPS, values["security_group_id"], ask.caller)
    columns = as_columns(RULE, values)
    if columns["remote_group_id"] is not None:
        find(connection, GROUPS, columns["remote_group_id"], ask.caller)
    check_rule(columns)
    _check_new(connection, columns)
    charge(connection, group.project_id, {registered.SECURITY_GROUP_RULE: 1})
    rule_id = str(uuid.uuid4())
    connection.execute(
        insert(security_group_rules).values(
            id=rule_id,
            project_id=group.project_id,
            created_at=ask.now_us,
            updated_at=ask.now_us,
            **columns,
        )
    )
    security_groups.changed(connection, group.id, ask.now_us)
    return rule_id


def change(connection: Connection, ask: Ask, row: Any, values: Values) -> None:
    """
    Nothing but what is written about it.
    """
    touched(connection, security_group_rules, row.id, as_columns(RULE, values), ask.now_us)


def remove(connection: Connection, ask: Ask, row: Any) -> None:
    """
    The rule is gone.
    """
    connection.execute(delete(security_group_rules).where(security_group_rules.c.id == row.id))
    give_back(connection, row.project_id, {registered.SECURITY_GROUP_RULE: 1})
    security_groups.changed(connection, row.group_id, ask.now_us)


def _check_new(connection: Connection, columns: Values) -> None:
    same = [
        security_group_rules.c[name].is_(None)
        if columns[name] is None
        else security_group_rules.c[name] == columns[name]
        for name in ("group_id", *_SAYS, *_REMOTES)
    ]
    found = connection.execute(select(security_group_rules.c.id).where(*same)).scalar()
    if found is not None:
        raise errors.RuleExists(found)
