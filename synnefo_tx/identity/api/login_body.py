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
from synnefo_tx.identity.faults import METHODS, Expected, MethodNotSupported
from synnefo_tx.identity.rules.login import (
    CredentialWanted,
    DomainWanted,
    Login,
    ScopeWanted,
    Special,
    TrustWanted,
    Wanted,
)

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
    if any(method not in METHODS for method in methods):
        raise MethodNotSupported
    scope = _scope(checked)
    user, password = _user_and(identity, "password", "password")
    totp_user, passcode = _user_and(identity, "totp", "passcode")
    token = identity["token"]["id"] if "token" in methods else None
    credential = None
    if "application_credential" in methods:
        credential = _credential(identity["application_credential"])
    return Login(methods, user, password, token, scope, credential, totp_user, passcode)


def _names_present(auth: Mapping[str, Any]) -> None:
    """
    Every thing that is named has a name or an id.
    """
    identity = auth["identity"]
    user = identity.get("password", {}).get("user")
    owner = identity.get("application_credential", {}).get("user")
    second = identity.get("totp", {}).get("user")
    scope = auth.get("scope")
    scope = scope if isinstance(scope, dict) else {}
    project = scope.get("project")
    for thing, where in (
        (user, "identity/password/user"),
        (user and user.get("domain"), "identity/password/user/domain"),
        (owner, "identity/application_credential/user"),
        (second, "identity/totp/user"),
        (project, "scope/project"),
        (project and project.get("domain"), "scope/project/domain"),
        (scope.get("domain"), "scope/domain"),
    ):
        if isinstance(thing, dict) and "id" not in thing and "name" not in thing:
            raise BadRequest(f"Invalid input for field {where}: id or name must be present.")


def _user_and(
    identity: Mapping[str, Any], method: str, proof: str
) -> tuple[Wanted | None, str | None]:
    """
    The user of a method, and what is to prove it; nothing if the method is not used.
    """
    if method not in identity["methods"]:
        return None, None
    if "user" not in identity[method]:
        raise Expected("user", method)
    user = identity[method]["user"]
    return _wanted(user, "user"), user.get(proof)


def _credential(method: Mapping[str, Any]) -> CredentialWanted:
    """
    By its id, whatever user is named beside it.
    """
    secret = method.get("secret")
    if method.get("id"):
        return CredentialWanted(method["id"], None, None, secret)
    if not method.get("name"):
        raise Expected("name or ID", "application credential")
    if "user" not in method:
        raise Expected("user", "application credential")
    return CredentialWanted(None, method["name"], _wanted(method["user"], "user"), secret)


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
        case "OS-TRUST:trust":
            if not scope["OS-TRUST:trust"].get("id"):
                raise Expected("trust_id", "trust")
            return TrustWanted(scope["OS-TRUST:trust"]["id"])
        case "system" if scope["system"].get("all"):
            return Special.SYSTEM
        case _:
            return Special.NEVER
