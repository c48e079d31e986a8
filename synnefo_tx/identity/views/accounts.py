"""
Accounts as JSON.  base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.model import Assignment, Domain, Project, Role, User

View = dict[str, Any]


def project_view(project: Project, base: str) -> View:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "description": project.description,
        "enabled": project.enabled,
        "parent_id": project.domain_id,
        "is_domain": False,
        "tags": [],
        "options": {},
        "links": {"self": f"{base}/projects/{project.id}"},
    }


def user_view(user: User, base: str) -> View:
    view: View = {"id": user.id, "name": user.name, "domain_id": user.domain_id}
    if user.default_project_id is not None:
        view["default_project_id"] = user.default_project_id
    return view | {
        "enabled": user.enabled,
        "password_expires_at": None,
        "options": {},
        "links": {"self": f"{base}/users/{user.id}"},
    }


def domain_view(domain: Domain, base: str) -> View:
    return {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": [],
        "options": {},
        "links": {"self": f"{base}/domains/{domain.id}"},
    }


def role_view(role: Role, base: str) -> View:
    return {
        "id": role.id,
        "name": role.name,
        "domain_id": None,
        "description": None,
        "options": {},
        "links": {"self": f"{base}/roles/{role.id}"},
    }


def assignment_view(one: Assignment, base: str, names: bool) -> View:
    """
    names: with the names of all parts, not only their ids.
    """
    role: View = {"id": one.role.id}
    user: View = {"id": one.user.id}
    project: View = {"id": one.project.id}
    if names:
        role["name"] = one.role.name
        user |= {"name": one.user.name, "domain": _named(one.user_domain)}
        project |= {"name": one.project.name, "domain": _named(one.project_domain)}
    place = f"projects/{one.project.id}/users/{one.user.id}/roles/{one.role.id}"
    return {
        "links": {"assignment": f"{base}/{place}"},
        "scope": {"project": project},
        "user": user,
        "role": role,
    }


def _named(domain: Domain) -> View:
    return {"id": domain.id, "name": domain.name}
