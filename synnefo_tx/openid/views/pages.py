"""
The pages that people see: plain HTML, no script, nothing loaded from anywhere.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from attrs import frozen

from synnefo_tx.http.pages import alert, page
from synnefo_tx.http.reply import Reply
from synnefo_tx.openid.model import SCOPES, Client
from synnefo_tx.openid.rules.redirects import source_of


@frozen
class Asked:
    """
    What a form is about.  ticket: what it must send back.  action: URL.  wrong: what was wrong
    with the last try.
    """

    client: Client
    redirect_uri: str
    ticket: str
    action: str
    wrong: str = ""


def log_in_page(asked: Asked, name: str, domain: str) -> Reply:
    """
    Asks for name and password.
    """
    fields = (
        f'<label for="name">User name</label><input id="name" name="name" value="{escape(name)}" '
        'maxlength="255" autocomplete="username" autocapitalize="none" required autofocus>'
        f'<label for="domain">Domain</label><input id="domain" name="domain" '
        f'value="{escape(domain)}" maxlength="255" required>'
        '<label for="password">Password</label><input id="password" name="password" '
        'type="password" maxlength="4096" autocomplete="current-password" required>'
    )
    return _form(asked, f"Log in to {asked.client.name}", fields + _CODE.format("(if you use one)"))


def code_page(asked: Asked) -> Reply:
    """
    Asks for the second factor alone.
    """
    return _form(asked, f"Log in to {asked.client.name}", _CODE.format(""))


_CODE = (
    '<label for="passcode">Code of your second factor, or a recovery code {}</label>'
    '<input id="passcode" name="passcode" maxlength="32" autocomplete="one-time-code" '
    'autocapitalize="none" spellcheck="false">'
)


def consent_page(asked: Asked, user_name: str, scopes: tuple[str, ...]) -> Reply:
    """
    Asks whether the client may have the scopes.
    """
    wanted = "".join(f"<li>{escape(SCOPES[one])}</li>" for one in scopes)
    where = urlsplit(asked.redirect_uri)
    body = (
        f"<p>You are <strong>{escape(user_name)}</strong>. "
        f"<strong>{escape(asked.client.name)}</strong> "
        f"({escape(where.netloc or where.scheme)}) wants to:</p><ul>{wanted}</ul>"
    )
    buttons = (
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny" class="other">Deny</button>'
        '<button name="decision" value="other" class="other">Use another account</button>'
    )
    return _form(asked, f"Allow {asked.client.name}?", body, buttons)


def error_page(status: int, message: str) -> Reply:
    """
    Tells why it doesn't go on.
    """
    return page(status, "That did not work", alert(message), "'none'")


def _form(asked: Asked, title: str, body: str, buttons: str = "<button>Log in</button>") -> Reply:
    form = (
        f'{alert(asked.wrong)}<form method="post" action="{escape(asked.action)}">'
        f'<input type="hidden" name="ticket" value="{escape(asked.ticket)}">{body}{buttons}</form>'
    )
    # Browsers hold also the redirect after a form to form-action.
    return page(200, title, form, f"'self' {source_of(asked.redirect_uri)}")
