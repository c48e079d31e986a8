"""
What networks use, counted from their rows.  Ports are counted with the servers.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, func, select

from synnefo_tx.network.rows.group_tables import security_group_rules, security_groups
from synnefo_tx.network.rows.tables import networks, rbac_policies, subnet_pools, subnets
from synnefo_tx.quota.model import Key, project_key
from synnefo_tx.quota.registered import (
    NETWORK,
    RBAC_POLICY,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    SUBNET,
    SUBNET_POOL,
)
from synnefo_tx.quota.rows.verify import Census

_TABLES = {
    NETWORK: networks,
    SUBNET: subnets,
    SUBNET_POOL: subnet_pools,
    RBAC_POLICY: rbac_policies,
    SECURITY_GROUP: security_groups,
    SECURITY_GROUP_RULE: security_group_rules,
}


def count(connection: Connection) -> Counter[Key]:
    """
    Networks, subnets and so on, which are their projects' alone.
    """
    used: Counter[Key] = Counter()
    for name, table in _TABLES.items():
        grouped = select(table.c.project_id, func.count().label("many"))
        for row in connection.execute(grouped.group_by(table.c.project_id)):
            used[project_key(row.project_id, name)] = row.many
    return used


CENSUS = Census(frozenset(_TABLES), count)
