"""
Units of work on roles and on what they imply.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, insert, or_, select

from synnefo_tx.errors import Forbidden, NotFound
from synnefo_tx.identity.model import RevocationKind, short
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.delegation_tables import application_credential_roles, trust_roles
from synnefo_tx.identity.rows.kinds import ROLE
from synnefo_tx.identity.rows.revocations import end_of, revoke
from synnefo_tx.identity.rows.tables import assignments, implied_roles, roles
from synnefo_tx.identity.rows.things import Kind, Thing

NEVER_IMPLIED = "admin"


class NotImplied(NotFound):
    """
    The first role does not imply the second.
    """

    def __init__(self, prior_id: str, implied_id: str) -> None:
        super().__init__(f"{prior_id} does not imply {implied_id}.")


class CannotBeImplied(Forbidden):
    """
    A role that no other may imply.
    """

    def __init__(self, implied_id: str) -> None:
        super().__init__(f"{implied_id} cannot be an implied roles.")


class DomainRoleImplied(Forbidden):
    """
    A role of a domain, implied by one of the whole cloud.
    """

    def __init__(self) -> None:
        super().__init__("Global role cannot imply a domain-specific role")


def remove_role(connection: Connection, kind: Kind, role: Thing, now: int, horizon_s: int) -> None:
    """
    The role goes, wherever it is held; tokens with it end.
    """
    role_id = role["id"]
    tables: tuple[Table, ...] = (assignments, trust_roles, application_credential_roles)
    for table in tables:
        connection.execute(delete(table).where(table.c.role_id == role_id))
    connection.execute(
        delete(implied_roles).where(
            or_(
                implied_roles.c.prior_role_id == role_id,
                implied_roles.c.implied_role_id == role_id,
            )
        )
    )
    revoke(connection, end_of(RevocationKind.ROLE, short(role["name"]), now, horizon_s), now)
    things.remove(connection, kind, role_id)


def imply(connection: Connection, prior_id: str, implied_id: str) -> tuple[Thing, Thing]:
    """
    Who holds the first role holds the second too.  Both roles.  Raises AccountNotFound,
    CannotBeImplied and DomainRoleImplied.
    """
    prior = things.fetch(connection, ROLE, prior_id)
    implied = things.fetch(connection, ROLE, implied_id)
    if implied["name"] == NEVER_IMPLIED or prior_id == implied_id:
        raise CannotBeImplied(implied_id)
    if implied["domain_id"] and not prior["domain_id"]:
        raise DomainRoleImplied
    if not is_implied(connection, prior_id, implied_id):
        connection.execute(
            insert(implied_roles).values(prior_role_id=prior_id, implied_role_id=implied_id)
        )
    return prior, implied


def is_implied(connection: Connection, prior_id: str, implied_id: str) -> bool:
    """
    Whether the one implies the other directly.
    """
    found = select(implied_roles).where(
        implied_roles.c.prior_role_id == prior_id, implied_roles.c.implied_role_id == implied_id
    )
    return connection.execute(found).first() is not None


def both(connection: Connection, prior_id: str, implied_id: str) -> tuple[Thing, Thing]:
    """
    The two roles.  Raises AccountNotFound and NotImplied.
    """
    prior = things.fetch(connection, ROLE, prior_id)
    implied = things.fetch(connection, ROLE, implied_id)
    if not is_implied(connection, prior_id, implied_id):
        raise NotImplied(prior_id, implied_id)
    return prior, implied


def imply_no_more(
    connection: Connection, prior_id: str, implied_id: str, now: int, horizon_s: int
) -> None:
    """
    Tokens with both roles end, and of those by trust or application credential all with the implied
    one; who holds it otherwise logs in again.  Raises AccountNotFound and NotImplied.
    """
    prior, implied = both(connection, prior_id, implied_id)
    connection.execute(
        delete(implied_roles).where(
            implied_roles.c.prior_role_id == prior_id,
            implied_roles.c.implied_role_id == implied_id,
        )
    )
    first, second = short(prior["name"]), short(implied["name"])
    ended = [(RevocationKind.IMPLIED, f"{first}/{second}"), (RevocationKind.IMPLIED, f"/{second}")]
    if prior["domain_id"]:  # no token names it
        ended = [(RevocationKind.ROLE, second)]
    for kind, subject in ended:
        revoke(connection, end_of(kind, subject, now, horizon_s), now)


def inferences(connection: Connection, prior_id: str | None = None) -> list[tuple[Thing, Thing]]:
    """
    All pairs of a role and one that it implies, or those of one role.  Raises AccountNotFound.
    """
    wanted = select(implied_roles).order_by(
        implied_roles.c.prior_role_id, implied_roles.c.implied_role_id
    )
    if prior_id is not None:
        things.fetch(connection, ROLE, prior_id)
        wanted = wanted.where(implied_roles.c.prior_role_id == prior_id)
    pairs = connection.execute(wanted).all()
    ids = {role_id for pair in pairs for role_id in pair}
    rows = connection.execute(select(roles).where(roles.c.id.in_(ids))).mappings()
    known = {row["id"]: things.thing_of(ROLE, row) for row in rows}
    return [(known[pair.prior_role_id], known[pair.implied_role_id]) for pair in pairs]
