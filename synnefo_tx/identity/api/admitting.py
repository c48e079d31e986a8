"""
What a log-in needs to know, with the reason for which a person may not log in.
"""

from __future__ import annotations

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.identity.admission import IAdmission
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.rows import logins
from synnefo_tx.identity.rules.login import Known, Login
from synnefo_tx.identity.token import Token

BY_PERSON = frozenset({"password", "totp", "openid"})


async def known_of(context: Context, login: Login, shown: Token | None = None) -> Known:
    """
    The accounts that `login` names, read in one transaction.  shown: what its token is, if it has
    one.
    """
    return await context.database.read(_known, context.admission, login, shown)


def _known(
    connection: Connection, admission: IAdmission, login: Login, shown: Token | None
) -> Known:
    known = logins.known(connection, login, shown)
    if known.user is None or BY_PERSON.isdisjoint(login.methods):
        return known
    return evolve(known, refused=admission.why_not(connection, known.user.id))
