"""
Errors as Synnefo's own APIs tell them: {"<fault>": {"code", "message", "details"}}, and "data" for
those that have some.

Source: Synnefo 0.21, snf_django/lib/api/faults.py and __init__.py.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx import errors
from synnefo_tx.http.dialects import Dialect
from synnefo_tx.http.reply import Reply, json_reply

_FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "notAllowed",
    409: "conflict",
    413: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
_UNEXPECTED = "Unexpected error"


def _say(status: int, error: Exception | None, _accept: str) -> Reply:
    told: dict[str, Any] = {"code": status, "message": str(error) if error else _UNEXPECTED}
    data = getattr(error, "data", None)
    if data is None:
        told["details"] = ""
    else:
        told["data"] = data
    return json_reply({_FAULTS.get(status, "internalServerError"): told}, status)


def _unrouted(status: int, accept: str) -> Reply:
    if status == 405:
        return _say(405, errors.DomainError("Method not allowed"), accept)
    return _say(400, errors.DomainError("API endpoint not found"), accept)


ASTAKOS = Dialect(
    "account",
    _say,
    _unrouted,
    {errors.OverQuota: 413, errors.UnsupportedMedia: 400, errors.Gone: 404},
    "You are not allowed to do this: {}.",
)
