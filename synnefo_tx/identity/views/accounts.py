"""
Accounts as JSON.  A thing is the columns of its row and the attributes of clients, flat.  base: the
URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.identity.model import Assignment, Named

View = dict[str, Any]
Thing = Mapping[str, Any]


def project_view(project: Thing, base: str) -> View:
    """
    project: with its tags.
    """
    return {
        **project,
        "is_domain": False,
        "links": {"self": f"{base}/projects/{project['id']}"},
    }


def domain_view(domain: Thing, base: str) -> View:
    """
    domain: with its tags.
    """
    return {**domain, "links": {"self": f"{base}/domains/{domain['id']}"}}


def domain_as_project(domain: Thing, base: str) -> View:
    """
    A domain as the project that it acts as.
    """
    return {
        **domain,
        "domain_id": None,
        "parent_id": None,
        "is_domain": True,
        "links": {"self": f"{base}/projects/{domain['id']}"},
    }


def role_view(role: Thing, base: str) -> View:
    return {
        **role,
        "domain_id": role["domain_id"] or None,
        "links": {"self": f"{base}/roles/{role['id']}"},
    }


def assignment_view(one: Assignment, base: str, names: bool) -> View:
    """
    names: with the names of all parts, not only their ids.
    """
    scope: View = {one.target_kind: {"all": True}}
    if one.target_kind != "system":
        scope = {one.target_kind: _part(one.target, names)}
    if one.inherited:
        scope["OS-INHERIT:inherited_to"] = ["projects"] if one.source else "projects"
    return {
        "links": _links(one, base),
        "scope": scope,
        one.actor_kind: _part(one.actor, names),
        "role": _part(one.role, names),
    }


def _links(one: Assignment, base: str) -> View:
    source = one.source or one
    links = {"assignment": f"{base}/{_place(source)}"}
    if source.actor_kind == "group" and one.actor_kind == "user":
        links["membership"] = f"{base}/groups/{source.actor.id}/users/{one.actor.id}"
    if one.prior_role_id:
        links["prior_role"] = f"{base}/prior_role/{one.prior_role_id}/implies/{one.role.id}"
    return links


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
