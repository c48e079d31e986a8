"""
JSON bodies as Keystone reads them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from synnefo_tx.http.call import Call
from synnefo_tx.identity.faults import Expected


def read(call: Call) -> dict[str, Any]:
    """
    The body as an object; {} when there is none.  Raises Expected.
    """
    body = call.raw_body()
    if not body:
        return {}
    media = call.header("content-type").partition(";")[0].strip().lower()
    is_json = media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )
    if media and not is_json:
        raise Expected("application/json", "Content-Type header")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Expected("valid JSON", "request body") from error
    if not isinstance(value, dict):
        raise Expected("valid JSON", "request body")
    return value
