"""
The body of a request for a token, decoded into what it asks for.

Source: Keystone's keystone/auth/core.py, auth/schema.py and auth/plugins, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.identity.api.schemas import TOKEN_ISSUE
from synnefo_tx.identity.faults import Expected, MethodNotSupported
from synnefo_tx.identity.rules.login import DomainWanted, Login, ScopeWanted, Special, Wanted

SUPPORTED = ("password", "token")
_body = Body(TOKEN_ISSUE, keystone_wording)


def read(auth: object) -> Login:
    """
    What the request's "auth" asks for.  Raises BadRequest or MethodNotSupported.
    """
    if auth is None:
        raise Expected("auth", "request body")
    checked: dict[str, Any] = _body.check(auth)
    identity = checked["identity"]
    _names_present(checked)
    methods = tuple(dict.fromkeys(identity["methods"]))
    for method in methods:
        if method not in identity:
            raise Expected(method, "identity")
    if any(method not in SUPPORTED for method in methods):
        raise MethodNotSupported
    scope = _scope(checked)
    user, password = None, None
    if "password" in methods:
        user, password = _credentials(identity["password"])
    token = identity["token"]["id"] if "token" in methods else None
    return Login(methods, user, password, token, scope)


def _names_present(auth: Mapping[str, Any]) -> None:
    """
    Every thing that is named has a name or an id.
    """
    user = auth["identity"].get("password", {}).get("user")
    scope = auth.get("scope")
    scope = scope if isinstance(scope, dict) else {}
    project = scope.get("project")
    for thing, where in (
        (user, "identity/password/user"),
        (user and user.get("domain"), "identity/password/user/domain"),
        (project, "scope/project"),
        (project and project.get("domain"), "scope/project/domain"),
        (scope.get("domain"), "scope/domain"),
    ):
        if isinstance(thing, dict) and "id" not in thing and "name" not in thing:
            raise BadRequest(f"Invalid input for field {where}: id or name must be present.")


def _credentials(method: Mapping[str, Any]) -> tuple[Wanted, str | None]:
    if "user" not in method:
        raise Expected("user", "password")
    return _wanted(method["user"], "user"), method["user"].get("password")


def _wanted(thing: Mapping[str, Any], what: str) -> Wanted:
    name, thing_id = thing.get("name"), thing.get("id")
    if not name and not thing_id:
        raise Expected("id or name", what)
    if not name:
        return Wanted(thing_id, None, None)
    if "domain" not in thing:
        raise Expected("domain", what)
    domain = thing["domain"]
    if not domain.get("id") and not domain.get("name"):
        raise Expected("id or name", "domain")
    return Wanted(None, name, DomainWanted(domain.get("id"), domain.get("name")))


def _scope(auth: Mapping[str, Any]) -> ScopeWanted:
    if "scope" not in auth:
        return Special.DEFAULT
    scope = auth["scope"]
    if scope == "unscoped":
        return Special.UNSCOPED
    kinds = ("project", "domain", "unscoped", "system", "OS-TRUST:trust")
    named = [kind for kind in kinds if isinstance(scope, dict) and kind in scope]
    if len(named) != 1:
        raise Expected("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    match named[0]:
        case "project":
            return _wanted(scope["project"], "project")
        case "unscoped":
            return Special.UNSCOPED
        case "domain":
            domain = scope["domain"]
            if not domain.get("id") and not domain.get("name"):
                raise Expected("id or name", "domain")
            return DomainWanted(domain.get("id"), domain.get("name"))
        case "system" if scope["system"].get("all"):
            return Special.SYSTEM
        case _:
            return Special.NEVER
