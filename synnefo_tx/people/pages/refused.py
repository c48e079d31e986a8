"""
The page of what did not work.
"""

from __future__ import annotations

from attrs import evolve

from synnefo_tx.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotAuthenticated,
    NotFound,
    TooManyRequests,
)
from synnefo_tx.http.pages import alert, page
from synnefo_tx.http.reply import Reply

_STATUS = (
    (NotAuthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooManyRequests, 429),
)


def refused_page(error: DomainError, body: str = "") -> Reply:
    """
    Tells why.  body: HTML below that, such as the form to try again.
    """
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
    reply = page(status, "That did not work", alert(str(error)) + body, "'self'")
    if not isinstance(error, TooManyRequests):
        return reply
    wait = ("Retry-After", str(error.retry_after_s))
    return evolve(reply, headers=(*reply.headers, wait))
