"""
How the remote API says no: Ganeti's error body, and its status for each reason.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from ganetid.jobs.limits import QueueDrained, QueueFull, Stopped
from ganetid.opcodes.errors import BadParameters

EXPLAINED: dict[int, tuple[str, str]] = {
    400: ("Bad Request", "Bad request syntax or unsupported method"),
    401: ("Unauthorized", "No permission -- see authorization schemes"),
    403: ("Forbidden", "Request forbidden -- authorization will not help"),
    404: ("Not Found", "Nothing matches the given URI"),
    413: ("Request Entity Too Large", "Entity is too large"),
    415: ("Unsupported Media Type", "Entity body in unsupported format"),
    429: ("Too Many Requests", "The user has sent too many requests in a given amount of time"),
    500: ("Internal Server Error", "Server got itself in trouble"),
    501: ("Not Implemented", "Server does not support this operation"),
    502: ("Bad Gateway", "Invalid responses from another server/proxy"),
    503: ("Service Unavailable", "The server cannot process the request due to a high load"),
    504: ("Gateway Timeout", "The gateway server did not receive a timely response"),
}  # the table of Python's http.server, which Ganeti takes its words from


class Fault(Exception):
    """
    The answer is an error with this status; no message means the status' usual words.

    headers: further ones of the answer.
    """

    def __init__(
        self, status: int, message: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.headers = headers or {}


STATUSES: dict[type[Exception], int] = {
    BadParameters: 400,
    QueueFull: 503,
    QueueDrained: 503,
    Stopped: 503,
}


def fault_of(error: Exception) -> Fault | None:
    """The fault that an error amounts to, None for one that nobody foresaw."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, BadParameters):
        return Fault(400, f"Invalid body parameters: {error}")
    status = STATUSES.get(type(error))
    return None if status is None else Fault(status, str(error))


def body_of(fault: Fault) -> bytes:
    """The error's JSON body; the message is escaped for HTML, as Ganeti does."""
    short, explanation = EXPLAINED.get(fault.status, ("Unknown", "Unknown"))
    return json.dumps(
        {
            "code": fault.status,
            "message": html.escape(fault.message or short),
            "explain": explanation,
        }
    ).encode("ascii")
