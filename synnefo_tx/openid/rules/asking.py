"""
What the user must be asked before a code is given.
"""

from __future__ import annotations

from enum import Enum

from synnefo_tx.openid.errors import SentBack
from synnefo_tx.openid.model import Session, Wish


class Next(Enum):
    """
    What comes next.
    """

    LOG_IN = "log in"
    CONSENT = "consent"
    CODE = "code"


def next_step(
    wish: Wish, session: Session | None, consented: frozenset[str], now: float, *, fresh: bool
) -> Next:
    """
    Raises SentBack when the user must be asked and the client wants that nobody is.

    fresh: the user has just logged in for this very request.
    """
    silent = "none" in wish.prompts
    if session is None or (not fresh and _too_old(wish, session, now)):
        if silent:
            raise SentBack("login_required", "the user is not logged in")
        return Next.LOG_IN
    if "consent" in wish.prompts or not set(wish.scopes) <= consented:
        if silent:
            raise SentBack("consent_required", "the user has not consented")
        return Next.CONSENT
    return Next.CODE


def _too_old(wish: Wish, session: Session, now: float) -> bool:
    if {"login", "select_account"} & set(wish.prompts):
        return True
    return wish.max_age is not None and now - session.logged_in_at > wish.max_age
