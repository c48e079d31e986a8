"""
Whether somebody who has shown who they are may log in.
"""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import BindParameter, Connection, bindparam, func, literal, select
from zope.interface import implementer

from synnefo_tx.identity.admission import IAdmission
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.external.rows.tables import external_accounts
from synnefo_tx.people.model import TERMS_PATH, Moderation
from synnefo_tx.people.rows.tables import people, signed_terms, terms

_WHO: BindParameter[str] = bindparam("user_id")
_OWN = people.c.user_id == _WHO
# One statement, built once: every log-in by a password asks it.
_STANDING = select(
    select(users.c.enabled).where(users.c.id == _WHO).scalar_subquery().label("enabled"),
    select(people.c.moderation).where(_OWN).scalar_subquery().label("moderation"),
    select(people.c.verified_at).where(_OWN).scalar_subquery().label("verified_at"),
    select(literal(1))
    .where(external_accounts.c.user_id == _WHO)
    .limit(1)
    .scalar_subquery()
    .label("external"),
    select(func.max(terms.c.version)).scalar_subquery().label("version"),
    select(func.max(signed_terms.c.version))
    .where(signed_terms.c.user_id == _WHO)
    .scalar_subquery()
    .label("signed"),
)
_UNACCEPTED = {
    Moderation.PENDING: "The account is not accepted yet.",
    Moderation.REJECTED: "The account was rejected.",
}


@implementer(IAdmission)
@frozen
class PeopleAdmission:
    """
    Those who have signed up, or log in by another provider, have rules to fulfil.
    """

    def why_not(self, connection: Connection, user_id: str) -> str:
        """
        As the function.
        """
        return why_not(connection, user_id)


def why_not(connection: Connection, user_id: str) -> str:
    """
    "" when the user may log in, else the plain reason.  Users whom an administrator has made are
    asked for nothing; disabled ones are refused by identity itself, with the words for everybody,
    once they were accepted.
    """
    found = connection.execute(_STANDING, {"user_id": user_id}).one()
    if found.moderation is None and found.external is None:
        return ""
    if found.moderation is not None:
        if found.verified_at is None:
            return "The e-mail address is not verified."
        if found.moderation in _UNACCEPTED:
            return _UNACCEPTED[found.moderation]
    if found.enabled is False:
        return ""
    if found.version is not None and (found.signed is None or found.signed < found.version):
        return (
            f"Version {found.version} of the terms of use is not signed. Read it at {TERMS_PATH} "
            f"and sign it at {TERMS_PATH}/{found.version}/sign."
        )
    return ""
