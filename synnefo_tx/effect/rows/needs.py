"""
What has to stand at a cluster before a server, or a port of it, comes there.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from synnefo_tx.effect.forms import NETWORK, SECURITY_GROUP
from synnefo_tx.effect.rows.things import Thing
from synnefo_tx.network.rows.group_tables import port_security_groups, security_group_rules
from synnefo_tx.network.rows.tables import ports


def of_server(connection: Connection, server_id: str) -> list[Thing]:
    """
    The networks of its ports, their security groups, and all groups that rules of those name.
    """
    its = ports.c.device_id == server_id
    networks = connection.execute(select(ports.c.network_id).where(its).distinct()).scalars().all()
    groups = connection.execute(
        select(port_security_groups.c.group_id)
        .join(ports, ports.c.id == port_security_groups.c.port_id)
        .where(its)
        .distinct()
    ).scalars()
    found = [Thing(NETWORK, one) for one in networks]
    return found + [Thing(SECURITY_GROUP, one) for one in named_by(connection, groups)]


def named_by(connection: Connection, group_ids: Iterable[str]) -> list[str]:
    """
    These groups, and those that are named by rules of theirs, and so on.
    """
    found: list[str] = []
    left = sorted(group_ids)
    while left:
        found += left
        named = connection.execute(
            select(security_group_rules.c.remote_group_id)
            .where(
                security_group_rules.c.group_id.in_(left),
                security_group_rules.c.remote_group_id.is_not(None),
            )
            .distinct()
        ).scalars()
        left = sorted(set(named) - set(found))
    return found
