"""
Units of work on trusts: given, handed on, taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.identity.faults import AccountNotFound, ActionForbidden
from synnefo_tx.identity.model import RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.application_credentials import role_named
from synnefo_tx.identity.rows.delegation_tables import trust_roles, trusts
from synnefo_tx.identity.rows.effective import implied_by, roles_on_project
from synnefo_tx.identity.rows.kinds import PROJECT, ROLE, TRUST, USER
from synnefo_tx.identity.rows.revocations import end_of, revoke
from synnefo_tx.identity.rows.tables import roles
from synnefo_tx.identity.rows.things import Kind, Thing
from synnefo_tx.identity.rows.trusted import trust_of
from synnefo_tx.identity.rules.redelegation import handed_on


def create_trust(
    connection: Connection, kind: Kind, thing: Thing, wanted: Sequence[Mapping[str, str]]
) -> tuple[Thing, list[Thing]]:
    """
    A new trust, and its roles.  wanted: those, each by id or name.

    thing: with the trust that it hands on, if it does so.  Raises AccountNotFound, ActionForbidden,
    Forbidden.
    """
    things.fetch(connection, USER, thing["trustee_user_id"])
    role_ids = tuple(
        dict.fromkeys(one.get("id") or role_named(connection, one["name"]) for one in wanted)
    )
    origin_id = thing["trustor_user_id"]
    parent_id = thing["redelegated_trust_id"]
    if parent_id is not None:
        parent = things.fetch(connection, TRUST, parent_id)
        above = trust_of(connection, parent_id)
        if above is None or not above.sound:
            raise Forbidden("One of the trust agents is disabled or deleted")
        given = {role.id for role in implied_by(connection, tuple(above.role_ids))}
        thing = handed_on(parent, given, thing, role_ids)
        origin_id = above.origin_id
    _check_roles(connection, origin_id, thing["project_id"], role_ids)
    things.create(connection, kind, thing)
    for role_id in role_ids:
        connection.execute(insert(trust_roles).values(trust_id=thing["id"], role_id=role_id))
    return things.fetch(connection, kind, thing["id"]), roles_of(connection, thing["id"])


def roles_of(connection: Connection, trust_id: str) -> list[Thing]:
    """
    The roles that a trust was given.
    """
    wanted = (
        select(roles)
        .join(trust_roles, trust_roles.c.role_id == roles.c.id)
        .where(trust_roles.c.trust_id == trust_id)
        .order_by(roles.c.id)
    )
    return [things.thing_of(ROLE, row) for row in connection.execute(wanted).mappings()]


def remove_trust(
    connection: Connection, kind: Kind, trust: Thing, now: int, horizon_s: int
) -> None:
    """
    It goes with those that hand it on, and their tokens end.
    """
    line = select(trusts.c.id).where(trusts.c.id == trust["id"]).cte("line", recursive=True)
    line = line.union(select(trusts.c.id).join(line, trusts.c.redelegated_trust_id == line.c.id))
    ids = list(connection.execute(select(line.c.id)).scalars())
    for trust_id in ids:
        revoke(connection, end_of(RevocationKind.TRUST, trust_id, now, horizon_s), now)
    connection.execute(delete(trust_roles).where(trust_roles.c.trust_id.in_(ids)))
    connection.execute(delete(trusts).where(trusts.c.id.in_(ids)))
    if not ids:
        raise AccountNotFound(kind.noun, trust["id"])


def _check_roles(
    connection: Connection, user_id: str, project_id: str | None, role_ids: Sequence[str]
) -> None:
    """
    Nobody hands on what the first trustor does not hold.
    """
    if project_id is None:
        if role_ids:
            raise BadRequest("Roles are of a project: project_id is missing.")
        return
    things.fetch(connection, PROJECT, project_id)
    if not role_ids:
        raise ActionForbidden("At least one role should be specified")
    held = {role.id for role in roles_on_project(connection, user_id, project_id)}
    for role_id in role_ids:
        if role_id not in held:
            raise AccountNotFound("role", role_id)
