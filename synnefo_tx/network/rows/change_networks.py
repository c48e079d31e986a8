"""
Making, changing and deleting networks.
"""

from __future__ import annotations

import random
import uuid
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.effect import forms
from synnefo_tx.effect.rows import things
from synnefo_tx.network import errors
from synnefo_tx.network.rows import tags
from synnefo_tx.network.rows.ask import Ask, charge, give_back
from synnefo_tx.network.rows.tables import networks, ports, rbac_policies, subnets
from synnefo_tx.network.rules.attributes import Values, as_columns
from synnefo_tx.network.rules.shapes import HIGHEST_SEGMENT, NETWORK
from synnefo_tx.quota import registered

MTU = 1450  # what is left of 1500 bytes by VXLAN over IPv4
TRIES = 16
_LOWEST_SEGMENT = 4096  # below are those that administrators choose by hand


def create(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new network's id.  Raises OverQuota, NotValid, SegmentInUse or FlatInUse.
    """
    charge(connection, ask.project_id, {registered.NETWORK: 1})
    columns = as_columns(NETWORK, values)
    for name in [name for name in columns if name.startswith("provider:")]:
        del columns[name]
    network_id = str(uuid.uuid4())
    columns |= {
        "id": network_id,
        "project_id": ask.project_id,
        "mtu": values.get("mtu") or MTU,
        "created_at": ask.now_us,
        "updated_at": ask.now_us,
    }
    if values.get("provider:network_type") == "flat":
        _insert_flat(connection, columns, values.get("provider:physical_network"))
    else:
        _insert_overlay(connection, columns, values.get("provider:segmentation_id"))
    return network_id


def change(connection: Connection, ask: Ask, row: Any, values: Values) -> None:
    """
    Raises InvalidSharedSetting.
    """
    columns = as_columns(NETWORK, values)
    if "mtu" in columns:
        columns["mtu"] = columns["mtu"] or MTU
    if row.shared and columns.get("shared") is False and _is_used_by_others(connection, row):
        raise errors.InvalidSharedSetting(row.name)
    touched(connection, networks, row.id, columns, ask.now_us)
    if columns.keys() & {"mtu", "dns_domain"}:
        changed(connection, row.id, ask.now_us)


def remove(connection: Connection, ask: Ask, row: Any) -> None:
    """
    The network, with its subnets.  Raises NetworkInUse.
    """
    on_it = select(ports.c.id).where(ports.c.network_id == row.id)
    if connection.execute(on_it.limit(1)).first() is not None:
        raise errors.NetworkInUse(row.id)
    for subnet in connection.execute(select(subnets).where(subnets.c.network_id == row.id)).all():
        tags.forget(connection, "subnets", [subnet.id])
        connection.execute(delete(subnets).where(subnets.c.id == subnet.id))
        give_back(connection, subnet.project_id, {registered.SUBNET: 1})
    tags.forget(connection, "networks", [row.id])
    _forget_policies(connection, row.id)
    things.leave(connection, things.Thing(forms.NETWORK, row.id), ask.now_us)
    connection.execute(delete(networks).where(networks.c.id == row.id))
    give_back(connection, row.project_id, {registered.NETWORK: 1})


def changed(connection: Connection, network_id: str, now_us: int) -> None:
    """
    Clusters that have the network shall have it as it is now.
    """
    things.want(connection, things.Thing(forms.NETWORK, network_id), now_us)


def touched(connection: Connection, table: Any, row_id: str, columns: Values, now_us: int) -> None:
    """
    The row has these values, and one more revision.
    """
    connection.execute(
        update(table)
        .where(table.c.id == row_id)
        .values(**columns, revision=table.c.revision + 1, updated_at=now_us)
    )


def _forget_policies(connection: Connection, network_id: str) -> None:
    """
    There is nothing to share any more.
    """
    mine = rbac_policies.c.object_id == network_id
    for row in connection.execute(select(rbac_policies.c.project_id).where(mine)).all():
        give_back(connection, row.project_id, {registered.RBAC_POLICY: 1})
    connection.execute(delete(rbac_policies).where(mine))


def _insert_flat(connection: Connection, columns: Values, bridge: str | None) -> None:
    if not bridge:
        raise errors.InvalidValue("physical_network required for flat provider network")
    if connection.execute(select(exists().where(networks.c.link == bridge))).scalar():
        raise errors.FlatInUse(bridge)
    connection.execute(insert(networks).values(**columns, link=bridge))


def _insert_overlay(connection: Connection, columns: Values, wanted: int | None) -> None:
    """
    Two requests may choose one segment; the later one chooses again.
    """
    for _ in range(TRIES):
        segment = wanted or random.SystemRandom().randint(_LOWEST_SEGMENT, HIGHEST_SEGMENT)
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(networks).values(
                        **columns, link=f"vxlan:{segment}", segmentation_id=segment
                    )
                )
        except IntegrityError:
            if wanted is not None:
                raise errors.SegmentInUse(wanted) from None
            continue
        return
    raise errors.NoMoreSegments


def _is_used_by_others(connection: Connection, row: Any) -> bool:
    found = select(ports.c.id).where(
        ports.c.network_id == row.id, ports.c.project_id.notin_((row.project_id, ""))
    )
    return connection.execute(found.limit(1)).first() is not None
