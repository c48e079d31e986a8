"""
Units of work on domains, projects, users, roles and role assignments.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.errors import Conflict
from synnefo_tx.identity.model import Domain, Project, Role, User
from synnefo_tx.identity.rows.grants import Grant, grant
from synnefo_tx.identity.rows.tables import domains, implied_roles, projects, roles, users


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
    made = Project(project_id, name, domain_id, description, True, domain_id)
    row = {
        "id": project_id,
        "name": name,
        "domain_id": domain_id,
        "description": description,
        "enabled": True,
        "parent_id": domain_id,
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
    A new role of the whole cloud.  Raises NameTaken.
    """
    taken = NameTaken("role", name, role_id)
    _insert(connection, roles, {"id": role_id, "name": name, "domain_id": ""}, taken)
    return Role(role_id, name)


def imply(connection: Connection, prior_role_id: str, implied_role_id: str) -> None:
    """
    Who holds the first role holds the second too.
    """
    connection.execute(
        insert(implied_roles).values(prior_role_id=prior_role_id, implied_role_id=implied_role_id)
    )


def assign(connection: Connection, user_id: str, project_id: str, role_id: str) -> None:
    """
    Give the user the role on the project.  Nothing happens when it is held already.
    """
    grant(connection, Grant("user", user_id, "project", project_id, role_id))


def find_domain(
    connection: Connection, *, domain_id: str | None = None, name: str | None = None
) -> Domain | None:
    """
    The domain with this id, or with this name.
    """
    wanted = domains.c.id == domain_id if domain_id is not None else domains.c.name == name
    row = connection.execute(select(domains).where(wanted)).first()
    return domain_of(row) if row else None


def find_user(connection: Connection, user_id: str) -> User | None:
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    return user_of(row) if row else None


def domain_of(row: Row[Any]) -> Domain:
    return Domain(**row._mapping)


def user_of(row: Row[Any]) -> User:
    return User(**row._mapping)


def _insert(connection: Connection, table: Table, row: dict[str, Any], taken: NameTaken) -> None:
    try:
        connection.execute(insert(table).values(**row))
    except IntegrityError as error:
        if "foreign key" in str(error.orig).lower():
            raise
        raise taken from error
