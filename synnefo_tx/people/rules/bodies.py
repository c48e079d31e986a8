"""
What bodies say, field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.people.errors import BadField

LONGEST_NAME = 255
LONGEST_PASSWORD = 4096
LONGEST_REASON = 1000
LONGEST_TERMS = 200_000
MOST_VERSIONS = 10**6


def read_object(given: object, *known: str) -> dict[str, Any]:
    """
    A JSON object with none but the known fields.  Raises BadRequest and BadField.
    """
    if not isinstance(given, dict):
        raise BadRequest("The body must be a JSON object.")
    for name in given:
        if name not in known:
            raise BadField(str(name)[:64], "is not known here")
    return given


def read_text(given: Mapping[str, Any], field: str, longest: int) -> str:
    """
    A text that is not empty.  Raises BadField.
    """
    value = given.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise BadField(field, f"must be a text of 1 to {longest} characters")
    if "\0" in value or not _is_unicode(value):
        raise BadField(field, "has a character that no text has")
    return value


def read_name(given: Mapping[str, Any]) -> str:
    """
    A user name: printable, without spaces around it.  Raises BadField.
    """
    name = read_text(given, "name", LONGEST_NAME)
    if name != name.strip() or not name.isprintable():
        raise BadField("name", "must be printable, without spaces around it")
    return name


def read_version(value: object, field: str = "terms") -> int:
    """
    A version of the terms.  Raises BadField.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < MOST_VERSIONS:
        raise BadField(field, "must be a version of the terms of use")
    return value


def read_reason(given: object) -> str:
    """
    Why something is done: {"reason": TEXT}, or nothing.  Raises BadField.
    """
    told = read_object(given or {}, "reason")
    return read_text(told, "reason", LONGEST_REASON) if told.get("reason") else ""


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
