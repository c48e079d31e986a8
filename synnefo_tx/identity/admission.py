"""
Who may log in at all, beyond having the right secret and being enabled: another service's rules
for those who have signed up by themselves.
"""

from __future__ import annotations

from sqlalchemy import Connection
from zope.interface import Interface, implementer


class IAdmission(Interface):
    """
    Asked at each log-in by a person: by password, code or another provider.  Tokens, application
    credentials and signed requests need no admission: they end with the user's tokens.
    """

    def why_not(connection: Connection, user_id: str) -> str:
        """
        "" when the user may log in, else the reason in plain words.  It is told to whoever has
        shown the right secret, and to nobody else.
        """


@implementer(IAdmission)
class Everybody:
    """
    Everybody is let in.
    """

    def why_not(self, connection: Connection, user_id: str) -> str:
        """
        "" always.
        """
        return ""
