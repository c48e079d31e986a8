"""
Accounts as JSON.  base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.model import Assignment, Domain, Named, Project, Role, User

View = dict[str, Any]


def project_view(project: Project, base: str) -> View:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "description": project.description,
        "enabled": project.enabled,
        "parent_id": project.parent_id or project.domain_id,
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
        "domain_id": role.domain_id or None,
        "description": role.description,
        "options": {},
        "links": {"self": f"{base}/roles/{role.id}"},
    }


def assignment_view(one: Assignment, base: str, names: bool) -> View:
    """
    names: with the names of all parts, not only their ids.
    """
    scope: View = {one.target_kind: {"all": True}}
    if one.target_kind != "system":
        scope = {one.target_kind: _part(one.target, names)}
    if one.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return {
        "links": {"assignment": f"{base}/{_place(one)}"},
        "scope": scope,
        one.actor_kind: _part(one.actor, names),
        "role": _part(one.role, names),
    }


def _place(one: Assignment) -> str:
    where = "system" if one.target_kind == "system" else f"{one.target_kind}s/{one.target.id}"
    place = f"{where}/{one.actor_kind}s/{one.actor.id}/roles/{one.role.id}"
    return f"OS-INHERIT/{place}/inherited_to_projects" if one.inherited else place


def _part(thing: Named, names: bool) -> View:
    if not names:
        return {"id": thing.id}
    view: View = {"id": thing.id, "name": thing.name}
    if thing.domain_id:
        view["domain"] = {"id": thing.domain_id, "name": thing.domain_name}
    return view
