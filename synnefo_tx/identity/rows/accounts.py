"""
Units of work on domains, projects, users, roles and role assignments.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.errors import Conflict
from synnefo_tx.identity.model import Domain, Project, Role, User
from synnefo_tx.identity.rows.tables import assignments, domains, projects, roles, users


class NameTaken(Conflict):
    """
    The name or the id is in use.
    """

    def __init__(self, thing: str, name: str, thing_id: str, within: str = "") -> None:
        super().__init__(
            f"Conflict occurred attempting to store {thing} - it is not permitted to have two "
            f"{thing}s with either the same name or same id{within}: name is {name}, "
            f"{thing} id {thing_id}."
        )


def create_domain(
    connection: Connection, domain_id: str, name: str, description: str = ""
) -> Domain:
    """
    A new, enabled domain.  Raises NameTaken.
    """
    made = Domain(domain_id, name, description, True)
    row = {"id": domain_id, "name": name, "description": description, "enabled": True}
    _insert(connection, domains, row, NameTaken("domain", name, domain_id))
    return made


def create_project(
    connection: Connection, project_id: str, domain_id: str, name: str, description: str = ""
) -> Project:
    """
    A new, enabled project.  Raises NameTaken.
    """
    made = Project(project_id, name, domain_id, description, True)
    row = {
        "id": project_id,
        "name": name,
        "domain_id": domain_id,
        "description": description,
        "enabled": True,
    }
    taken = NameTaken("project", name, project_id, " in the same domain")
    _insert(connection, projects, row, taken)
    return made


def create_user(
    connection: Connection,
    user_id: str,
    domain_id: str,
    name: str,
    password_hash: str,
    default_project_id: str | None = None,
) -> User:
    """
    A new, enabled user.  password_hash as `Passwords.hash` gives it.  Raises NameTaken.
    """
    made = User(user_id, name, domain_id, True, default_project_id, password_hash)
    row = {
        "id": user_id,
        "name": name,
        "domain_id": domain_id,
        "enabled": True,
        "default_project_id": default_project_id,
        "password_hash": password_hash,
    }
    _insert(connection, users, row, NameTaken("user", name, user_id, " in the same domain"))
    return made


def create_role(connection: Connection, role_id: str, name: str) -> Role:
    """
    A new role.  Raises NameTaken.
    """
    taken = NameTaken("role", name, role_id)
    _insert(connection, roles, {"id": role_id, "name": name}, taken)
    return Role(role_id, name)


def assign(connection: Connection, user_id: str, project_id: str, role_id: str) -> None:
    """
    Give the user the role on the project.  Nothing happens when it is held already.
    """
    held = select(assignments.c.role_id).where(
        assignments.c.user_id == user_id,
        assignments.c.project_id == project_id,
        assignments.c.role_id == role_id,
    )
    if connection.execute(held).first() is None:
        connection.execute(
            insert(assignments).values(user_id=user_id, project_id=project_id, role_id=role_id)
        )


def find_domain(
    connection: Connection, *, domain_id: str | None = None, name: str | None = None
) -> Domain | None:
    """
    The domain with this id, or with this name.
    """
    wanted = domains.c.id == domain_id if domain_id is not None else domains.c.name == name
    row = connection.execute(select(domains).where(wanted)).first()
    return domain_of(row) if row else None


def find_project(connection: Connection, project_id: str) -> Project | None:
    row = connection.execute(select(projects).where(projects.c.id == project_id)).first()
    return project_of(row) if row else None


def find_project_named(connection: Connection, domain_id: str, name: str) -> Project | None:
    row = connection.execute(
        select(projects).where(projects.c.domain_id == domain_id, projects.c.name == name)
    ).first()
    return project_of(row) if row else None


def find_user(connection: Connection, user_id: str) -> User | None:
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    return user_of(row) if row else None


def find_user_named(connection: Connection, domain_id: str, name: str) -> User | None:
    row = connection.execute(
        select(users).where(users.c.domain_id == domain_id, users.c.name == name)
    ).first()
    return user_of(row) if row else None


def find_role(
    connection: Connection, *, role_id: str | None = None, name: str | None = None
) -> Role | None:
    """
    The role with this id, or with this name.
    """
    wanted = roles.c.id == role_id if role_id is not None else roles.c.name == name
    row = connection.execute(select(roles).where(wanted)).first()
    return Role(row.id, row.name) if row else None


def roles_held(connection: Connection, user_id: str, project_id: str) -> tuple[Role, ...]:
    """
    The user's roles on the project, by name.
    """
    rows = connection.execute(
        select(roles)
        .join(assignments, assignments.c.role_id == roles.c.id)
        .where(assignments.c.user_id == user_id, assignments.c.project_id == project_id)
        .order_by(roles.c.name)
    )
    return tuple(Role(row.id, row.name) for row in rows)


def domain_of(row: Row[Any]) -> Domain:
    return Domain(row.id, row.name, row.description, row.enabled)


def project_of(row: Row[Any]) -> Project:
    return Project(row.id, row.name, row.domain_id, row.description, row.enabled)


def user_of(row: Row[Any]) -> User:
    return User(
        row.id, row.name, row.domain_id, row.enabled, row.default_project_id, row.password_hash
    )


def _insert(connection: Connection, table: Table, row: dict[str, Any], taken: NameTaken) -> None:
    try:
        connection.execute(insert(table).values(**row))
    except IntegrityError as error:
        if "foreign key" in str(error.orig).lower():
            raise
        raise taken from error
