"""
Bodies as the forms of our pages send them.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 20


def is_form(call: Call) -> bool:
    """
    Whether a page sends the body.
    """
    return call.header("content-type").partition(";")[0].strip().lower() == FORM


def form_of(call: Call) -> dict[str, str]:
    """
    The fields.  Raises BadRequest.
    """
    try:
        text = call.raw_body().decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise BadRequest("The body is no form.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BadRequest("A field is there twice.")
    return form
