"""
Making, changing and deleting subnet pools and address scopes, and giving blocks of pools.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.network import errors, pool_errors
from synnefo_tx.network.rows import tags
from synnefo_tx.network.rows.ask import Ask, charge, give_back
from synnefo_tx.network.rows.change_networks import touched
from synnefo_tx.network.rows.kinds import columns_of
from synnefo_tx.network.rows.lists import Condition, Kind, find
from synnefo_tx.network.rows.tables import address_scopes, subnet_pools, subnets
from synnefo_tx.network.rules import subnet_pools as rules
from synnefo_tx.network.rules.attributes import Values, as_columns
from synnefo_tx.quota import registered


def _visible(caller: Caller) -> Condition:
    return visible(subnet_pools, caller, subnet_pools.c.shared)


def _visible_scopes(caller: Caller) -> Condition:
    return visible(address_scopes, caller, address_scopes.c.shared)


SUBNET_POOLS = Kind(
    "subnetpools",
    subnet_pools,
    pool_errors.SubnetPoolNotFound,
    _visible,
    columns_of(
        subnet_pools,
        *("ip_version", "shared", "is_default", "address_scope_id", "default_prefixlen"),
        *("min_prefixlen", "max_prefixlen", "default_quota"),
    ),
    {},
)
ADDRESS_SCOPES = Kind(
    "address-scopes",
    address_scopes,
    pool_errors.AddressScopeNotFound,
    _visible_scopes,
    {name: address_scopes.c[name] for name in ("id", "name", "project_id", "ip_version", "shared")}
    | {"tenant_id": address_scopes.c.project_id},
    {},
)


def create(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new pool's id.  Raises OverQuota, AddressScopeNotFound, ScopeVersion, and what
    rules/subnet_pools.planned does.
    """
    columns = as_columns(rules.SUBNET_POOL, values) | rules.planned(values)
    _check_scope(connection, ask.caller, columns)
    charge(connection, ask.project_id, {registered.SUBNET_POOL: 1})
    pool_id = str(uuid.uuid4())
    if columns["is_default"]:
        _only_default(connection, columns["ip_version"])
    connection.execute(
        insert(subnet_pools).values(
            **columns,
            id=pool_id,
            project_id=ask.project_id,
            created_at=ask.now_us,
            updated_at=ask.now_us,
        )
    )
    return pool_id


def change(connection: Connection, ask: Ask, row: Any, values: Values) -> None:
    """
    Raises PrefixUpdate, AddressScopeNotFound, ScopeVersion, and what rules/subnet_pools.planned
    does.
    """
    lengths = ("min_prefixlen", "max_prefixlen", "default_prefixlen")
    whole = {name: getattr(row, name) for name in ("prefixes", *lengths)} | values
    columns = as_columns(rules.SUBNET_POOL, values) | rules.planned(whole)
    rules.check_grown(row.prefixes, columns["prefixes"])
    _check_scope(connection, ask.caller, columns)
    if columns.get("is_default"):
        _only_default(connection, row.ip_version)
    touched(connection, subnet_pools, row.id, columns, ask.now_us)


def remove(connection: Connection, _: Ask, row: Any) -> None:
    """
    Raises PoolInUse.
    """
    held = select(subnets.c.id).where(subnets.c.subnetpool_id == row.id)
    if connection.execute(held.limit(1)).first() is not None:
        raise pool_errors.PoolInUse
    tags.forget(connection, "subnetpools", [row.id])
    connection.execute(delete(subnet_pools).where(subnet_pools.c.id == row.id))
    give_back(connection, row.project_id, {registered.SUBNET_POOL: 1})


def block_for(connection: Connection, caller: Caller, values: Values) -> Values:
    """
    `cidr` and `subnetpool_id` of a subnet that shall be of a pool; nothing for another.  Raises
    SubnetPoolNotFound, PrefixTooShort, PrefixTooLong, NoRoom or BadSubnets.
    """
    pool_id = values.get("subnetpool_id")
    if values.get("use_default_subnetpool"):
        pool_id = _default_pool(connection, values["ip_version"])
    if pool_id is None:
        return {}
    pool = find(connection, SUBNET_POOLS, pool_id, caller)
    connection.execute(  # nobody else takes of it until our transaction ends
        select(subnet_pools.c.id).where(subnet_pools.c.id == pool.id).with_for_update()
    )
    if pool.ip_version != values["ip_version"]:
        raise errors.BadSubnets(
            f"Cannot allocate IPv{values['ip_version']} subnet from IPv{pool.ip_version} "
            "subnet pool"
        )
    given = connection.execute(
        select(subnets.c.cidr, subnets.c.project_id).where(subnets.c.subnetpool_id == pool.id)
    ).all()
    length, cidr = values.get("prefixlen"), values.get("cidr")
    found = rules.allocated(pool, length, cidr, [row.cidr for row in given])
    rules.check_quota(
        pool, found, [row.cidr for row in given if row.project_id == caller.project_id]
    )
    return {"cidr": found, "subnetpool_id": pool.id}


def create_scope(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new address scope's id.
    """
    scope_id = str(uuid.uuid4())
    connection.execute(
        insert(address_scopes).values(
            **values, id=scope_id, project_id=ask.project_id, created_at=ask.now_us
        )
    )
    return scope_id


def change_scope(connection: Connection, _: Ask, row: Any, values: Values) -> None:
    """
    Its name, and that it is shared.  Raises ScopeUpdate.
    """
    if row.shared and values.get("shared") is False:
        raise pool_errors.ScopeUpdate(row.id)
    if values:
        this = update(address_scopes).where(address_scopes.c.id == row.id)
        connection.execute(this.values(**values))


def remove_scope(connection: Connection, _: Ask, row: Any) -> None:
    """
    Raises ScopeInUse.
    """
    held = select(subnet_pools.c.id).where(subnet_pools.c.address_scope_id == row.id)
    if connection.execute(held.limit(1)).first() is not None:
        raise pool_errors.ScopeInUse(row.id)
    connection.execute(delete(address_scopes).where(address_scopes.c.id == row.id))


def _check_scope(connection: Connection, caller: Caller, columns: Values) -> None:
    if columns.get("address_scope_id") is None:
        return
    scope = find(connection, ADDRESS_SCOPES, columns["address_scope_id"], caller)
    if scope.ip_version != columns["ip_version"]:
        raise pool_errors.ScopeVersion(scope.id, scope.ip_version)


def _only_default(connection: Connection, version: int) -> None:
    if _find_default(connection, version) is not None:
        raise errors.InvalidValue(
            "A default subnetpool for this IP family has already been set. Only one default may "
            "exist per IP family"
        )


def _default_pool(connection: Connection, version: int) -> str:
    found = _find_default(connection, version)
    if found is None:
        raise errors.BadSubnets(f"No default subnetpool found for IPv{version}")
    return found


def _find_default(connection: Connection, version: int) -> str | None:
    found: str | None = connection.execute(
        select(subnet_pools.c.id).where(
            subnet_pools.c.is_default, subnet_pools.c.ip_version == version
        )
    ).scalar()
    return found
