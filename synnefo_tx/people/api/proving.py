"""
Whether a caller is the person, and not just somebody with the person's token: asked before the
ways to log in change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import Forbidden, NotAuthenticated
from synnefo_tx.http.call import Call
from synnefo_tx.identity.api.context import Context, address_of
from synnefo_tx.identity.api.delegated import is_delegated
from synnefo_tx.identity.api.proofs import code_right
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows import logins
from synnefo_tx.identity.rows.second_factors import sealed_factors
from synnefo_tx.identity.rules.login import OPENID, Wanted
from synnefo_tx.people.errors import NotShownAnew
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.rows.accounts import log_ins_of
from synnefo_tx.people.rules import bodies

FRESH_S = 600
LONGEST_CODE = 64
_OF_PERSONS = {"password", OPENID}  # not keys, which programs have


def refuse_delegated(call: Call) -> None:
    """
    Raises Forbidden for a token of a trust or of an application credential.
    """
    if is_delegated(call):
        raise Forbidden("A token that was handed on changes no way to log in.")


async def shown_anew(
    context: Context, providers: Providers, call: Call, given: Mapping[str, Any]
) -> User:
    """
    The caller, whose password `given` has; where the account has none that we can ask about, the
    token comes from a log-in just now.  Raises Forbidden, NotShownAnew, BadField, TooManyRequests.
    """
    refuse_delegated(call)
    user_id = call.token.user_id
    found = await context.database.read(logins.standing, user_id)
    if found is None:
        raise NotAuthenticated
    if not await _by_password(context, providers, found.user):
        _fresh(call, context.clock())
        return found.user
    password = bodies.read_text(given, "password", bodies.LONGEST_PASSWORD)
    wanted = Wanted(user_id, None, None)
    if not await context.gate.right(wanted, found.user, password, address_of(call)):
        raise NotShownAnew("The password is wrong.")
    return found.user


async def code_shown(context: Context, call: Call, given: Mapping[str, Any]) -> None:
    """
    Uses the code of the second factor up, or the recovery code.  Raises NotShownAnew, BadField and
    TooManyRequests.
    """
    user_id = call.token.user_id
    code = bodies.read_text(given, "code", LONGEST_CODE)
    factors = await context.database.read(sealed_factors, user_id)

    async def check() -> bool:
        return await code_right(context, user_id, factors, code)

    account = ("totp", Wanted(user_id, None, None))  # as where codes log in
    if not await context.gate.counted(account, address_of(call), check):
        raise NotShownAnew("The code is wrong, or was used.")


async def _by_password(context: Context, providers: Providers, user: User) -> bool:
    if user.password_hash is not None:
        return True
    directory = providers.directory_of(user.domain_id)
    if directory is None:
        return False
    linked = await context.database.read(log_ins_of, user.id)
    return directory.provider in {provider for provider, _ in linked}


def _fresh(call: Call, now: float) -> None:
    token = call.token
    by_person = _OF_PERSONS & set(token.methods) and "token" not in token.methods
    if not by_person or now - token.issued_at > FRESH_S:
        raise NotShownAnew("Log in again first: this takes a token of the last ten minutes.")
