"""
Pages of whoever follows the link that sets another password.
"""

from __future__ import annotations

from html import escape

from synnefo_tx.http.pages import page
from synnefo_tx.http.reply import Reply
from synnefo_tx.people.pages.link_form import link_form

_TITLE = "Another password"
WHOSE = (
    '<form method="post"><label for="email">Your e-mail address</label><input id="email" '
    'name="email" type="email" maxlength="254" autocomplete="email" required>'
    "<button>Send me a link</button></form>"
)


def whose_page() -> Reply:
    """
    Asks whose password was forgotten.
    """
    return page(200, _TITLE, WHOSE, "'self'")


def sent_page(message: str) -> Reply:
    """
    Tells that it was asked for, and no more.
    """
    return page(200, _TITLE, f"<p>{escape(message)}</p>")


def ask_page(name: str, link: str) -> Reply:
    """
    Asks for it.
    """
    told = f"<p>For the account <strong>{escape(name)}</strong>.</p>"
    return page(200, _TITLE, told + form(link), "'self'")


def form(link: str) -> str:
    """
    HTML of the form.
    """
    return link_form(
        link,
        '<label for="password">New password</label><input id="password" name="password" '
        'type="password" maxlength="4096" autocomplete="new-password" required>'
        "<button>Set the password</button>",
    )


def done_page(name: str) -> Reply:
    """
    Tells what has happened.
    """
    told = (
        f"<p>The account <strong>{escape(name)}</strong> has the new password. Whoever was logged "
        "in is logged out.</p>"
    )
    return page(200, "The password is set", told)
