"""
Units of work on projects: their place in the tree, their tags, their end.

Source: Keystone's keystone/resource/core.py, release 2026.1.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.model import RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import (
    limits,
    project_endpoint_groups,
    project_endpoints,
)
from synnefo_tx.identity.rows.delegation_tables import (
    application_credential_roles,
    application_credential_rules,
    application_credentials,
    credentials,
    trust_roles,
    trusts,
)
from synnefo_tx.identity.rows.kinds import DOMAIN
from synnefo_tx.identity.rows.project_tree import line_above, tree_below
from synnefo_tx.identity.rows.revocations import end_of, revoke
from synnefo_tx.identity.rows.tables import assignments, project_tags, projects, users
from synnefo_tx.identity.rows.tagged import change_tagged, create_tagged
from synnefo_tx.identity.rows.things import Kind, Thing

WITHIN = " in the same domain"  # names are unique
DEEPEST = 5  # projects in a branch, with the domain counted; Keystone's max_project_tree_depth


def create_project(connection: Connection, kind: Kind, project: Thing) -> Thing:
    """
    A new project below its parent, with its tags.  Raises AccountNotFound, BadRequest, Forbidden
    and NameTaken.
    """
    domain = things.fetch(connection, DOMAIN, project["domain_id"])
    parent_id = project["parent_id"]
    if parent_id != domain["id"]:
        _check_parent(connection, kind, project)
    elif project["enabled"] and not domain["enabled"]:
        raise DisabledParent(parent_id)
    return create_tagged(connection, kind, project, WITHIN)


def change_project(
    connection: Connection,
    kind: Kind,
    before: Thing,
    changes: Thing,
    now: int,
    horizon_s: int,
) -> Thing:
    """
    As `things.change`; disabling it ends the tokens scoped to it.
    """
    enabled: bool = (before | changes)["enabled"]
    if before["enabled"] and not enabled:
        _check_nothing_enabled_below(connection, before["id"])
    if enabled and not before["enabled"]:
        _check_everything_enabled_above(connection, before)
    return change_tagged(connection, kind, before, changes, now, horizon_s, WITHIN)


def remove_project(
    connection: Connection, kind: Kind, project: Thing, now: int, horizon_s: int
) -> None:
    """
    The project goes, with the roles held on it and what was delegated for it.  Raises Forbidden
    when there are projects below.
    """
    project_id = project["id"]
    below = select(projects.c.id).where(projects.c.parent_id == project_id)
    if connection.execute(below.limit(1)).first() is not None:
        raise Forbidden(
            f"Cannot delete the project {project_id} since it is not a leaf in the hierarchy. Use "
            "the cascade option if you want to delete a whole subtree."
        )
    clear_project(connection, project_id)
    revoke(connection, end_of(RevocationKind.PROJECT, project_id, now, horizon_s), now)
    things.remove(connection, kind, project_id)


def clear_project(connection: Connection, project_id: str) -> None:
    """
    Everything of identity that points at the project goes.
    """
    for child, column, table in (
        (application_credential_roles, "credential_id", application_credentials),
        (application_credential_rules, "credential_id", application_credentials),
        (trust_roles, "trust_id", trusts),
    ):
        inside = select(table.c.id).where(table.c.project_id == project_id)
        connection.execute(delete(child).where(child.c[column].in_(inside)))
    for table in (
        application_credentials,
        trusts,
        credentials,
        project_endpoints,
        project_endpoint_groups,
        project_tags,
    ):
        connection.execute(delete(table).where(table.c.project_id == project_id))
    clear_target(connection, "project", project_id)
    home = update(users).where(users.c.default_project_id == project_id)
    connection.execute(home.values(default_project_id=None))


def clear_target(connection: Connection, kind: str, target_id: str) -> None:
    """
    Roles and limits held on a project or domain go.
    """
    connection.execute(
        delete(assignments).where(
            assignments.c.target_kind == kind, assignments.c.target_id == target_id
        )
    )
    connection.execute(
        delete(limits).where(limits.c.holder_kind == kind, limits.c.holder_id == target_id)
    )


class DisabledParent(Forbidden):
    """
    An enabled project below a disabled one.
    """

    def __init__(self, parent_id: str) -> None:
        super().__init__(
            f"Cannot create project, the parent (its ID: {parent_id}) is disabled, but this "
            "project is enabled."
        )


def _check_parent(connection: Connection, kind: Kind, project: Thing) -> None:
    parent = things.find(connection, kind, project["parent_id"])
    if parent is None:
        raise AccountNotFound("project", project["parent_id"])
    if parent["domain_id"] != project["domain_id"]:
        raise BadRequest(
            "Cannot create project, since it specifies its domain_id "
            f"{project['domain_id']}, but specifies a parent in a different domain "
            f"({parent['domain_id']})."
        )
    line = [parent, *line_above(connection, parent["id"])]
    if len(line) + 1 >= DEEPEST:
        raise Forbidden(f"Max hierarchy depth reached for {parent['id']} branch.")
    if project["enabled"] and not all(one["enabled"] for one in line):
        raise DisabledParent(parent["id"])


def _check_nothing_enabled_below(connection: Connection, project_id: str) -> None:
    if any(one["enabled"] for one in tree_below(connection, project_id)):
        raise Forbidden(
            f"Cannot disable project {project_id} since its subtree contains enabled projects."
        )


def _check_everything_enabled_above(connection: Connection, project: Thing) -> None:
    if not all(one["enabled"] for one in line_above(connection, project["id"])):
        raise Forbidden(f"Cannot enable project {project['id']} since it has disabled parents.")
