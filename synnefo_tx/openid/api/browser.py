"""
What ties a page to the browser that it was made for: cookies, and tickets in the forms.
"""

from __future__ import annotations

import hmac

import msgspec

from synnefo_tx.http.call import Call
from synnefo_tx.http.cookies import cookie, set_cookie
from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled
from synnefo_tx.openid.errors import NoSafeReturn
from synnefo_tx.openid.model import Wish
from synnefo_tx.openid.unguessable import digest, fresh

SESSION, BROWSER = "synnefo_openid", "synnefo_openid_browser"
PATH = "/openid"
TICKET_S = 15 * 60
_OLD = "This page is too old, or of another browser. Go back to the application and start again."


class Ticket(msgspec.Struct, frozen=True):
    """
    What a form sends back: sealed, so nobody else has made it.  browser, session: digests of the
    cookies it was made for; session is "" for log-in forms.  user_id, methods: who has shown a
    password already, and still owes a code.
    """

    wish: Wish
    browser: str
    session: str
    made_at: float
    user_id: str = ""
    methods: tuple[str, ...] = ()


def browser_of(call: Call) -> str:
    """
    The digest by which this browser is known; it is given a cookie when it has none.
    """
    text = cookie(call, BROWSER)
    if not text:
        text = fresh()
        set_cookie(call, BROWSER, text, PATH)
    return digest(text)


def seal(secrets: SecretBox, ticket: Ticket) -> str:
    """
    As text for a form.
    """
    return secrets.seal(msgspec.json.encode(ticket).decode())


def opened(secrets: SecretBox, call: Call, text: str, now: float) -> Ticket:
    """
    The ticket that a form sent, made for this browser not long ago.  Raises NoSafeReturn.
    """
    try:
        ticket = msgspec.json.decode(secrets.open(text), type=Ticket)
    except (SecretGarbled, msgspec.MsgspecError, ValueError) as error:
        raise NoSafeReturn(_OLD) from error
    shown = digest(cookie(call, BROWSER))
    if not hmac.compare_digest(shown, ticket.browser) or not 0 <= now - ticket.made_at < TICKET_S:
        raise NoSafeReturn(_OLD)
    if ticket.session and ticket.session != digest(cookie(call, SESSION)):
        raise NoSafeReturn(_OLD)
    return ticket
