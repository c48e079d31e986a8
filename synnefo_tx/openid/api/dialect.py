"""
Errors as RFC 6749 5.2 and RFC 6750 3 tell them.
"""

from __future__ import annotations

from synnefo_tx.errors import NotFound
from synnefo_tx.http.dialects import Dialect
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.openid.api.context import OPEN_TO_SCRIPTS, UNCACHED
from synnefo_tx.openid.errors import InvalidClient, InvalidToken

_CODES = {400: "invalid_request", 401: "invalid_token", 403: "access_denied", 404: "not_found"}


def _say(status: int, error: Exception | None, _accept: str) -> Reply:
    code = getattr(error, "code", None) or _CODES.get(status, "server_error")
    told = {"error": code, "error_description": str(error) if error else "Unexpected error"}
    headers = [*UNCACHED, *OPEN_TO_SCRIPTS]
    if isinstance(error, InvalidClient):
        headers.append(("WWW-Authenticate", 'Basic realm="openid"'))
    elif isinstance(error, InvalidToken):
        headers.append(("WWW-Authenticate", 'Bearer error="invalid_token"'))
    return json_reply(told, status, *headers)


def _unrouted(status: int, accept: str) -> Reply:
    return _say(status, NotFound("There is no such path, or no such method of it."), accept)


OPENID = Dialect("openid", _say, _unrouted)
