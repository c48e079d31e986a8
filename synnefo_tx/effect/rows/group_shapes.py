"""
Security groups as their clusters shall have them, read from the rows.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.effect.plans import security_groups as plans
from synnefo_tx.effect.tasks import Step
from synnefo_tx.network.rows.group_tables import security_group_rules, security_groups
from synnefo_tx.network.rules.security_groups import (
    INGRESS,
    PROTOCOLS,
    WITH_PORTS,
    protocol_number,
)

_NAMES = {number: name for name, number in PROTOCOLS.items() if number in WITH_PORTS}


def stands(connection: Connection, group_id: str, cluster_id: str) -> tuple[Step, ...]:
    """
    The steps that make the group stand; none when it is no more.
    """
    there = select(security_groups.c.id).where(security_groups.c.id == group_id)
    if connection.execute(there).first() is None:
        return ()
    rows = connection.execute(
        select(security_group_rules)
        .where(security_group_rules.c.group_id == group_id)
        .order_by(security_group_rules.c.created_at, security_group_rules.c.id)
    )
    return plans.stands(group_id, cluster_id, tuple(_rule(row) for row in rows))


def gone(_: Connection, group_id: str, cluster_id: str) -> tuple[Step, ...]:
    """
    The steps that take it away.
    """
    return plans.gone(group_id, cluster_id)


def _rule(row: Any) -> plans.RuleShape:
    number = protocol_number(row.protocol)
    return plans.RuleShape(
        direction="in" if row.direction == INGRESS else "out",
        ethertype=row.ethertype.lower(),
        protocol=_NAMES.get(number, str(number)) if number else None,
        port_min=row.port_min,
        port_max=row.port_max,
        remote=row.remote_cidr,
        remote_group_id=row.remote_group_id,
    )
