"""
Bodies as forms and clients send them.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from synnefo_tx.http.call import Call
from synnefo_tx.openid.errors import Refused

MOST_FIELDS = 40
FORM = "application/x-www-form-urlencoded"


def pairs_of(call: Call) -> list[tuple[str, str]]:
    """
    The body's fields in their order.  Raises Refused.
    """
    if call.header("content-type").partition(";")[0].strip().lower() != FORM:
        raise Refused("invalid_request", f"The body must be {FORM}.")
    try:
        text = call.raw_body().decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Refused("invalid_request", "The body is no form.") from error


def form_of(call: Call) -> dict[str, str]:
    """
    The same where a field may be there once, and empty ones don't count.  Raises Refused.
    """
    pairs = pairs_of(call)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Refused("invalid_request", "A parameter is there twice.")
    if any("\0" in value for value in form.values()):
        raise Refused("invalid_request", "A parameter has a NUL character.")
    return {name: value for name, value in form.items() if value}
