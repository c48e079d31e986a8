"""
The form by which whoever followed a letter's link uses it.
"""

from __future__ import annotations

from html import escape

MINE = "<button>This is my address</button>"


def link_form(link: str, inside: str) -> str:
    """
    HTML of it.  inside: HTML of its fields and its button.
    """
    held = f'<input type="hidden" name="link" value="{escape(link)}">'
    return f'<form method="post">{held}{inside}</form>'
