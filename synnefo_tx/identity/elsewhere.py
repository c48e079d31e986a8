"""
Passwords that others know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from synnefo_tx.identity.model import User
    from synnefo_tx.identity.rules.login import Wanted


class IPasswordsElsewhere(Interface):
    """
    Users whose passwords are not in our database.
    """

    async def account(wanted: Wanted, user: User | None) -> str:
        """
        By what wrong passwords of this user are counted, however the user is named; "": the
        password is here, and not there.  user: as known; None: nobody yet.
        """

    async def right(wanted: Wanted, user: User | None, password: str) -> bool:
        """
        Whether the password is the user's; then the account is here, and as it is there.  Wrong
        names and wrong passwords take the same time.  Raises Unavailable.
        """
