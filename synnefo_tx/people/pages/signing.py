"""
Pages of whoever reads and signs the terms of use in a browser.
"""

from __future__ import annotations

from html import escape

from synnefo_tx.http.pages import page
from synnefo_tx.http.reply import Reply
from synnefo_tx.people.model import Terms

_FORM = (
    '<form method="post"><label for="name">User name</label><input id="name" name="name" '
    'maxlength="255" autocomplete="username" autocapitalize="none" required>'
    '<label for="domain">Domain, by id</label><input id="domain" name="domain_id" '
    'value="default" maxlength="64" required>'
    '<label for="password">Password</label><input id="password" name="password" type="password" '
    'maxlength="4096" autocomplete="current-password" required>'
    "<button>I have read this and agree</button></form>"
)


def sign_page(terms: Terms) -> Reply:
    """
    The text, and the form that signs it.
    """
    return page(200, _title(terms), text_and_form(terms), "'self'")


def text_and_form(terms: Terms) -> str:
    """
    HTML of both.
    """
    return f'<div class="text">{escape(terms.content)}</div>{_FORM}'


def signed_page(terms: Terms) -> Reply:
    """
    Tells that it is done.
    """
    text = f"<p>You have signed version {terms.version}. You may log in again.</p>"
    return page(200, _title(terms), text)


def _title(terms: Terms) -> str:
    return f"Terms of use, version {terms.version}"
