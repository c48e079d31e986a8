"""
People show who they are, by identity's own rules: its limits, locked accounts and audit log.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen
from sqlalchemy import Connection

from synnefo_tx.errors import DomainError
from synnefo_tx.http.call import Call
from synnefo_tx.http.cookies import cookie, set_cookie
from synnefo_tx.identity.api.admitting import known_of
from synnefo_tx.identity.api.context import address_of
from synnefo_tx.identity.api.login_log import LOG_IN
from synnefo_tx.identity.api.proofs import proved
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rows.who_asks import user_named
from synnefo_tx.identity.rules.login import (
    DomainWanted,
    Login,
    MoreMethodsNeeded,
    Special,
    Wanted,
    decide,
)
from synnefo_tx.openid.api.browser import PATH, SESSION, Ticket
from synnefo_tx.openid.api.context import Context
from synnefo_tx.openid.model import Session
from synnefo_tx.openid.rows import sessions
from synnefo_tx.openid.unguessable import fresh


@frozen
class CodeOwed:
    """
    The password was right, and the user's rules ask for more.
    """

    user_id: str
    methods: tuple[str, ...]


async def log_in(
    context: Context, call: Call, ticket: Ticket, form: Mapping[str, str]
) -> Session | CodeOwed:
    """
    The new session.  Raises NotAuthenticated, NotAdmitted, PasswordExpired and TooManyRequests.
    """
    login = _login(ticket, form)
    details = {"methods": list(login.methods), "client_id": ticket.wish.client_id}
    entry = entry_of(call, LOG_IN, "user", "", details)
    identity = context.identity
    try:
        known = await known_of(identity, login)
        right = await proved(identity, login, known, address_of(call))
        if identity.gate.elsewhere is not None and "password" in right:
            known = await known_of(identity, login)  # a directory's user may be new
        grant = decide(login, known, right, ticket.methods, identity.clock())
        user_id = grant.user.id
        methods = tuple(dict.fromkeys(ticket.methods + login.methods))
        entry = evolve(
            entry, user_id=user_id, target_id=user_id, details=details | {"methods": list(methods)}
        )
        text = fresh()
        begun = await write(
            identity, entry, _begin, text, cookie(call, SESSION), user_id, methods, context.now()
        )
    except MoreMethodsNeeded as more:
        await _refused(context, evolve(entry, target_id=more.user.id), "Incomplete")
        return CodeOwed(more.user.id, more.methods)
    except DomainError as error:
        named = await identity.database.read(user_named, _named(ticket, form))
        await _refused(context, evolve(entry, user_id="", target_id=named), type(error).__name__)
        raise
    set_cookie(call, SESSION, text, PATH)
    return begun


def _begin(
    connection: Connection,
    text: str,
    before: str,
    user_id: str,
    methods: tuple[str, ...],
    now: int,
) -> Session:
    """
    What the browser showed before is worth nothing from now on: nobody else may know the new one.
    """
    sessions.end(connection, before)
    return sessions.begin(connection, text, user_id, methods, now)


def _login(ticket: Ticket, form: Mapping[str, str]) -> Login:
    passcode = form.get("passcode")
    if ticket.user_id:
        user = Wanted(ticket.user_id, None, None)
        return Login(
            ("totp",), None, None, None, Special.UNSCOPED, totp_user=user, passcode=passcode
        )
    user = Wanted(None, form.get("name", ""), DomainWanted(None, form.get("domain", "")))
    password = form.get("password", "")
    if not passcode:
        return Login(("password",), user, password, None, Special.UNSCOPED)
    return Login(
        ("password", "totp"),
        user,
        password,
        None,
        Special.UNSCOPED,
        totp_user=user,
        passcode=passcode,
    )


def _named(ticket: Ticket, form: Mapping[str, str]) -> dict[str, object]:
    if ticket.user_id:
        return {"id": ticket.user_id}
    return {"name": form.get("name", ""), "domain": {"name": form.get("domain", "")}}


async def _refused(context: Context, entry, reason: str) -> None:  # type: ignore[no-untyped-def]
    details = {**entry.details, "reason": reason}
    await context.lines.append(evolve(entry, outcome="failure", details=details), context.now_us())
