"""
RBAC policies: networks shared with single projects.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.network import errors, pool_errors
from synnefo_tx.network.rows.ask import Ask, charge, give_back
from synnefo_tx.network.rows.change_networks import touched
from synnefo_tx.network.rows.lists import Condition, Kind
from synnefo_tx.network.rows.sharing import EVERYBODY, EXTERNAL, SHARED
from synnefo_tx.network.rows.tables import networks, ports, rbac_policies
from synnefo_tx.network.rules.attributes import Values, as_columns
from synnefo_tx.network.rules.rbac import RBAC_POLICY
from synnefo_tx.quota import registered

_COLUMN = {SHARED: "shared", EXTERNAL: "external"}


def _visible(caller: Caller) -> Condition:
    return visible(rbac_policies, caller, rbac_policies.c.target == caller.project_id)


RBAC_POLICIES = Kind(
    "rbac-policies",
    rbac_policies,
    pool_errors.RbacPolicyNotFound,
    _visible,
    {name: rbac_policies.c[name] for name in ("id", "project_id", "object_type", "object_id")}
    | {
        "action": rbac_policies.c.action,
        "tenant_id": rbac_policies.c.project_id,
        "target_tenant": rbac_policies.c.target,
        "target_project": rbac_policies.c.target,
    },
    {},
)


def create(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new policy's id.  Raises NetworkNotFound, PolicyNotAuthorized, DuplicateRbac, OverQuota or
    InvalidQuery.
    """
    columns = as_columns(RBAC_POLICY, values)
    if "target" not in columns:
        raise errors.InvalidQuery(
            "Failed to parse request. Required attribute 'target_tenant' not specified"
        )
    network = connection.execute(
        select(networks).where(networks.c.id == columns["object_id"])
    ).first()
    if network is None or not _may_share(ask.caller, network):
        raise errors.NetworkNotFound(columns["object_id"])
    _check_everybody(ask.caller, columns["target"])
    charge(connection, ask.project_id, {registered.RBAC_POLICY: 1})
    policy_id = str(uuid.uuid4())
    try:
        with connection.begin_nested():
            connection.execute(
                insert(rbac_policies).values(
                    **columns, id=policy_id, project_id=ask.project_id, created_at=ask.now_us
                )
            )
    except IntegrityError:
        raise pool_errors.DuplicateRbac from None
    _for_everybody(connection, columns["object_id"], columns, is_so=True, now_us=ask.now_us)
    return policy_id


def change(connection: Connection, ask: Ask, row: Any, values: Values) -> None:
    """
    For whom it is.  Raises PolicyNotAuthorized, RbacInUse or DuplicateRbac.
    """
    columns = as_columns(RBAC_POLICY, values)
    if not columns:
        return
    _check_everybody(ask.caller, columns["target"])
    _check_free(connection, row)
    old = {"action": row.action, "target": row.target}
    _for_everybody(connection, row.object_id, old, is_so=False, now_us=ask.now_us)
    this = update(rbac_policies).where(rbac_policies.c.id == row.id)
    try:
        with connection.begin_nested():
            connection.execute(this.values(**columns))
    except IntegrityError:
        raise pool_errors.DuplicateRbac from None
    _for_everybody(connection, row.object_id, old | columns, is_so=True, now_us=ask.now_us)


def remove(connection: Connection, ask: Ask, row: Any) -> None:
    """
    Raises RbacInUse.
    """
    _check_free(connection, row)
    connection.execute(delete(rbac_policies).where(rbac_policies.c.id == row.id))
    old = {"action": row.action, "target": row.target}
    _for_everybody(connection, row.object_id, old, is_so=False, now_us=ask.now_us)
    give_back(connection, row.project_id, {registered.RBAC_POLICY: 1})


def _may_share(caller: Caller, network: Any) -> bool:
    return bool(caller.is_admin or network.project_id == caller.project_id)


def _check_everybody(caller: Caller, target: str) -> None:
    if target == EVERYBODY and not caller.is_admin:
        raise errors.PolicyNotAuthorized.of_attribute("create_rbac_policy", "target_tenant")


def _check_free(connection: Connection, row: Any) -> None:
    """
    Nobody whom it concerns has ports there.
    """
    theirs = ports.c.project_id == row.target
    if row.target == EVERYBODY:
        theirs = ports.c.project_id != row.project_id
    used = select(ports.c.id).where(ports.c.network_id == row.object_id, theirs)
    if row.action == SHARED and connection.execute(used.limit(1)).first() is not None:
        raise pool_errors.RbacInUse(row.object_id)


def _for_everybody(
    connection: Connection, network_id: str, columns: Values, *, is_so: bool, now_us: int
) -> None:
    if columns["target"] == EVERYBODY:
        touched(connection, networks, network_id, {_COLUMN[columns["action"]]: is_so}, now_us)
