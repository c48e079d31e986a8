"""
Pages of whoever follows the link that verifies the new address of an account.
"""

from __future__ import annotations

from html import escape

from synnefo_tx.http.pages import page
from synnefo_tx.http.reply import Reply
from synnefo_tx.people.pages.link_form import MINE, link_form


def ask_page(name: str, email: str, link: str) -> Reply:
    """
    Asks before anything is done: programs that look at mail open links too.
    """
    body = (
        f"<p>The address <strong>{escape(email)}</strong> will be that of the account "
        f"<strong>{escape(name)}</strong>, in place of the one before.</p>"
        "<p>If you did not ask for this, close this page.</p>"
    )
    form = link_form(link, MINE)
    return page(200, "Verify your new address", body + form, "'self'")


def done_page(email: str) -> Reply:
    """
    Tells what has happened.
    """
    told = f"<p>Letters go to <strong>{escape(email)}</strong> from now on.</p>"
    return page(200, "Your address is changed", told)
