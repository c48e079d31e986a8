"""
Pages of whoever follows the link that verifies an address.
"""

from __future__ import annotations

from html import escape

from synnefo_tx.http.pages import page
from synnefo_tx.http.reply import Reply
from synnefo_tx.people.model import Person, State
from synnefo_tx.people.pages.link_form import MINE, link_form

_NEXT = {
    State.PENDING: "An administrator looks at your registration next. A letter will tell you.",
    State.ACCEPTED: "You may log in now.",
    State.REJECTED: "Your registration was rejected.",
    State.DEACTIVATED: "Your account is not active.",
}


def ask_page(person: Person, link: str) -> Reply:
    """
    Asks before anything is done: programs that look at mail open links too.
    """
    body = (
        f"<p>The address <strong>{escape(person.email)}</strong> will be that of the account "
        f"<strong>{escape(person.name)}</strong>.</p><p>If you did not ask for this account, "
        "close this page.</p>"
    )
    form = link_form(link, MINE)
    return page(200, "Verify your address", body + form, "'self'")


def done_page(person: Person) -> Reply:
    """
    Tells what comes next.
    """
    return page(200, "Your address is verified", f"<p>{escape(_NEXT[person.state])}</p>")
