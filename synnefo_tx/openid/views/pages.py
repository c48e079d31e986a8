"""
The pages that people see: plain HTML, no script, nothing loaded from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from urllib.parse import urlsplit

from attrs import frozen

from synnefo_tx.http.reply import Reply
from synnefo_tx.openid.model import SCOPES, Client
from synnefo_tx.openid.rules.redirects import source_of

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:#f4f4f4;color:#1a1a1a}"
    "main{box-sizing:border-box;max-width:26rem;margin:0 auto;padding:1.5rem 1rem;"
    "background:#fff;min-height:100vh;overflow-wrap:anywhere}"
    "h1{font-size:1.3rem;margin:0 0 1rem}label{display:block;margin:.75rem 0 .25rem}"
    "input,button{box-sizing:border-box;width:100%;font:inherit;padding:.6rem;border-radius:4px;"
    "border:1px solid #767676}button{margin-top:1rem;background:#0b57a4;color:#fff;border:0}"
    "button.other{background:#fff;color:#0b57a4;border:1px solid #0b57a4}"
    "[role=alert]{border-left:4px solid #b00020;padding:.25rem .75rem;margin:0 0 1rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


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
    '<label for="passcode">Code of your second factor {}</label><input id="passcode" '
    'name="passcode" inputmode="numeric" maxlength="16" autocomplete="one-time-code">'
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
    return _reply(status, "That did not work", _alert(message), "'none'")


def _form(asked: Asked, title: str, body: str, buttons: str = "<button>Log in</button>") -> Reply:
    form = (
        f'{_alert(asked.wrong)}<form method="post" action="{escape(asked.action)}">'
        f'<input type="hidden" name="ticket" value="{escape(asked.ticket)}">{body}{buttons}</form>'
    )
    # Browsers hold also the redirect after a form to form-action.
    return _reply(200, title, form, f"'self' {source_of(asked.redirect_uri)}")


def _alert(message: str) -> str:
    return f'<p role="alert">{escape(message)}</p>' if message else ""


def _reply(status: int, title: str, body: str, form_action: str) -> Reply:
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    page = _PAGE.format(title=escape(title), style=_STYLE, body=body)
    return Reply(
        status,
        page.encode(),
        "text/html; charset=utf-8",
        (
            ("Content-Security-Policy", policy),
            ("X-Frame-Options", "DENY"),
            ("X-Content-Type-Options", "nosniff"),
            *PRIVATE,
        ),
    )


PRIVATE = (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
