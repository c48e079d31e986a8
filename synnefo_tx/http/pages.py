"""
Pages that people see: plain HTML, no script, nothing loaded from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from synnefo_tx.http.reply import Reply

PRIVATE = (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:#f4f4f4;color:#1a1a1a}"
    "main{box-sizing:border-box;max-width:26rem;margin:0 auto;padding:1.5rem 1rem;"
    "background:#fff;min-height:100vh;overflow-wrap:anywhere}"
    "h1{font-size:1.3rem;margin:0 0 1rem}label{display:block;margin:.75rem 0 .25rem}"
    "input,button{box-sizing:border-box;width:100%;font:inherit;padding:.6rem;border-radius:4px;"
    "border:1px solid #767676}button{margin-top:1rem;background:#0b57a4;color:#fff;border:0}"
    "button.other{background:#fff;color:#0b57a4;border:1px solid #0b57a4}"
    ".text{white-space:pre-wrap;border:1px solid #767676;padding:.75rem}"
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


def page(status: int, title: str, body: str, form_action: str = "'none'") -> Reply:
    """
    body: HTML, escaped where it must be.  form_action: where its forms may go, as a content
    security policy says it.
    """
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    text = _PAGE.format(title=escape(title), style=_STYLE, body=body)
    return Reply(
        status,
        text.encode(),
        "text/html; charset=utf-8",
        (
            ("Content-Security-Policy", policy),
            ("X-Frame-Options", "DENY"),
            ("X-Content-Type-Options", "nosniff"),
            *PRIVATE,
        ),
    )


def alert(message: str) -> str:
    """
    What must be seen first; "" of "".
    """
    return f'<p role="alert">{escape(message)}</p>' if message else ""
