"""
E-mail addresses as people write them.

Source: the HTML standard, "valid e-mail address", with a dot in the domain; RFC 5321, 4.5.3.1.
"""

from __future__ import annotations

import re

from synnefo_tx.people.errors import BadField

LONGEST = 254
LONGEST_LOCAL = 64
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+")


def read_address(given: object, field: str = "email") -> str:
    """
    The address in small letters: two that differ in case alone are one.  Raises BadField.
    """
    if not isinstance(given, str):
        raise BadField(field, "must be a text")
    text = given.strip()
    if len(text) > LONGEST or text.find("@") > LONGEST_LOCAL or not _ADDRESS.fullmatch(text):
        raise BadField(field, "must be an e-mail address")
    return text.lower()
