"""
Every log-in is in the audit log, also the one that fails: who, how, from where.

A name that nobody here has is not written down: people type passwords into the wrong field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.gathered import GatheredLines
from synnefo_tx.errors import BadRequest, DomainError, NotAuthenticated, TooLarge
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.identity.faults import SubjectNotFound
from synnefo_tx.identity.rows.who_asks import user_named, user_of_credential
from synnefo_tx.identity.token import Token

LOG_IN = "identity:authenticate"
LOG_OUT = "identity:revoke_token"
METHODS = frozenset({"password", "token", "application_credential", "totp"})
MOST_METHODS = 8

Handler = Callable[[Call], Awaitable[Reply]]


class LoginLog:
    """
    What the handlers that give tokens and take them back tell the audit log.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines = GatheredLines(context.database)

    def logged(self, handler: Handler) -> Handler:
        """
        `handler`, which answers with a token (`call.issued`), or asks for more, or fails.
        Nobody gets a token whose line isn't committed.
        """

        @wraps(handler)
        async def issue(call: Call) -> Reply:
            try:
                reply = await handler(call)
            except (BadRequest, TooLarge):
                raise  # not understood: nobody has tried to log in
            except DomainError as error:
                await self._append(await self._refused(call, type(error).__name__))
                raise
            token = call.issued
            given = _given(call, token) if token else await self._refused(call, "Incomplete")
            await self._append(given)
            return reply

        return issue

    async def logged_out(self, call: Call, token: Token) -> None:
        """
        `token` is worth nothing any more.
        """
        details = {"user_id": token.user_id}
        await self._append(entry_of(call, LOG_OUT, "token", token.audit_id, details))

    async def _append(self, entry: Entry) -> None:
        await self._lines.append(entry, int(self._context.clock() * 1e6))

    async def _refused(self, call: Call, reason: str) -> Entry:
        """
        Who was named counts as target alone: nobody has shown to be that.
        """
        methods, parts = _asked(json_body.read(call))
        user_id = await self._named(parts)
        details = {"methods": methods, "reason": reason}
        return evolve(entry_of(call, LOG_IN, "user", user_id, details), outcome="failure")

    async def _named(self, parts: list[Mapping[str, Any]]) -> str:
        shown = [part["id"] for part in parts if isinstance(part.get("id"), str)]
        for text in shown:  # the token of one who has logged in already
            try:
                return (await self._context.authenticator.subject(text)).user_id
            except (SubjectNotFound, NotAuthenticated):
                continue
        return await self._context.database.read(_whoever, parts, shown)


def _given(call: Call, token: Token) -> Entry:
    details = {"methods": list(token.methods), "scope": _scope(token)}
    if token.trust_id:
        details["trust_id"] = token.trust_id
    if token.application_credential_id:
        details["application_credential_id"] = token.application_credential_id
    entry = entry_of(call, LOG_IN, "user", token.user_id, details)
    return evolve(entry, user_id=token.user_id, project_id=token.project_id)


def _whoever(connection: Connection, parts: list[Mapping[str, Any]], shown: list[str]) -> str:
    users = [part["user"] for part in parts if isinstance(part.get("user"), dict)]
    found = [user_named(connection, user) for user in users]
    found += [user_of_credential(connection, text) for text in shown]
    return next((user_id for user_id in found if user_id), "")


def _asked(body: Mapping[str, Any]) -> tuple[list[str], list[Mapping[str, Any]]]:
    """
    The methods that a request for a token names, "unknown" for others than ours, and what it says
    for them.
    """
    auth = body.get("auth")
    identity = auth.get("identity") if isinstance(auth, dict) else None
    if not isinstance(identity, dict):
        return [], []
    methods = identity.get("methods")
    listed = methods[:MOST_METHODS] if isinstance(methods, list) else []
    named = [name for name in listed if isinstance(name, str)]
    parts = [identity[name] for name in named if isinstance(identity.get(name), dict)]
    return [name if name in METHODS else "unknown" for name in named], parts


def _scope(token: Token) -> str:
    for kind, held in (
        ("project", token.project_id),
        ("domain", token.domain_id),
        ("system", token.system),
    ):
        if held:
            return kind
    return "none"
