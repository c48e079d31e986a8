"""
Units of work on domains: what begins and ends with them.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, select

from synnefo_tx.errors import Forbidden
from synnefo_tx.identity.model import RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import domain_options
from synnefo_tx.identity.rows.kinds import GROUP, PROJECT, ROLE, USER
from synnefo_tx.identity.rows.memberships import remove_group
from synnefo_tx.identity.rows.projects import clear_project, clear_target
from synnefo_tx.identity.rows.revocations import end_of, revoke
from synnefo_tx.identity.rows.roles import remove_role
from synnefo_tx.identity.rows.tables import project_tags
from synnefo_tx.identity.rows.things import Kind, Thing
from synnefo_tx.identity.rows.users import remove_user


def remove_domain(
    connection: Connection, kind: Kind, domain: Thing, now: int, horizon_s: int
) -> None:
    """
    The domain goes, with its users, groups, projects and roles.  Raises Forbidden while it is
    enabled.
    """
    if domain["enabled"]:
        raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
    domain_id = domain["id"]
    for user in _inside(connection, USER, domain_id):
        remove_user(connection, USER, user, now, horizon_s)
    for group in _inside(connection, GROUP, domain_id):
        remove_group(connection, GROUP, group, now, horizon_s)
    for project in _inside(connection, PROJECT, domain_id):
        clear_project(connection, project["id"])
        revoke(connection, end_of(RevocationKind.PROJECT, project["id"], now, horizon_s), now)
    connection.execute(delete(PROJECT.table).where(PROJECT.table.c.domain_id == domain_id))
    for role in _inside(connection, ROLE, domain_id):
        remove_role(connection, ROLE, role, now, horizon_s)
    clear_target(connection, "domain", domain_id)
    tables: tuple[tuple[Table, str], ...] = (
        (project_tags, "project_id"),
        (domain_options, "domain_id"),
    )
    for table, column in tables:
        connection.execute(delete(table).where(table.c[column] == domain_id))
    revoke(connection, end_of(RevocationKind.DOMAIN, domain_id, now, horizon_s), now)
    things.remove(connection, kind, domain_id)


def _inside(connection: Connection, kind: Kind, domain_id: str) -> list[Thing]:
    rows = connection.execute(select(kind.table).where(kind.table.c.domain_id == domain_id))
    return [things.thing_of(kind, row) for row in rows.mappings()]
