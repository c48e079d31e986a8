"""
Whether what a login shows is right: passwords, secrets and codes.
"""

from __future__ import annotations

from functools import partial

from attrs import evolve

from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.faults import PasswordExpired
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows import recovery
from synnefo_tx.identity.rows.second_factors import use_code
from synnefo_tx.identity.rules.compliance import is_expired, is_inactive
from synnefo_tx.identity.rules.login import CredentialWanted, Known, Login
from synnefo_tx.identity.rules.recovery import digest_of
from synnefo_tx.identity.rules.totp import step_of
from synnefo_tx.identity.secret_box import SecretGarbled


async def proved(context: Context, login: Login, known: Known, address: str) -> set[str]:
    """
    The methods of the login that are right.  A token is: it was opened before.

    Raises TooManyRequests after many wrong ones for the same account, or from the same address, and
    PasswordExpired.

    All are checked, whether the user is known and enabled or not: the time must not tell which.
    A code is looked at only when everything else is right, for it is used up by that.
    """
    right = {"token"} & set(login.methods)
    user, credential = login.user, login.credential
    if user and await context.gate.right(user, known.user, login.password, address):
        right.add("password")
        _refuse_expired(context, known.user)
    if credential and await _secret_right(context, credential, known, address):
        right.add("application_credential")
    if login.totp_user is not None and right == set(login.methods) - {"totp"}:
        account = ("totp", login.totp_user)
        code = partial(_code_used, context, login, known)
        if await context.gate.counted(account, address, code):
            right.add("totp")
    if known.user and is_inactive(context.gate.policy, known.user, int(context.clock())):
        return set()
    return right


async def _secret_right(
    context: Context, wanted: CredentialWanted, known: Known, address: str
) -> bool:
    known_hash = known.credential.secret_hash if known.credential else None
    verify = partial(context.passwords.verify, known_hash, wanted.secret)
    return await context.gate.counted(evolve(wanted, secret=None), address, verify)


def _refuse_expired(context: Context, user: User | None) -> None:
    if user is not None and user.enabled and is_expired(user, int(context.clock())):
        raise PasswordExpired(user.id)


async def _code_used(context: Context, login: Login, known: Known) -> bool:
    user_id = known.user.id if known.user else ""
    return await code_right(context, user_id, known.totp, login.passcode or "")


async def code_right(
    context: Context, user_id: str, factors: tuple[tuple[str, str], ...], code: str
) -> bool:
    """
    Whether the code belongs to one of the user's second factors, or is one of the recovery codes,
    and was not used before.  factors: ids, and secrets, sealed.  user_id: "" of nobody.
    """
    spare = digest_of(code)
    if spare is not None:
        return await context.database.write(recovery.use, user_id, spare)
    for factor_id, sealed in factors if code else ():
        try:
            step = step_of(context.secrets.open(sealed), code, context.clock())
        except SecretGarbled:
            continue
        if step is not None and await context.database.write(use_code, factor_id, step):
            return True
    return False
