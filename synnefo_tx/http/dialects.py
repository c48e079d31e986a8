"""
The table from kind of error to status and body, one dialect for each API's own format.

Source: answers of today's Keystone, Nova, Neutron and Glance to the same bad requests.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from http import HTTPStatus

from attrs import evolve, field, frozen

from synnefo_tx import errors
from synnefo_tx.http.reply import Reply, json_reply

_STATUS: dict[type[errors.DomainError], int] = {
    errors.BadRequest: 400,
    errors.NotAuthenticated: 401,
    errors.Forbidden: 403,
    errors.OverQuota: 403,
    errors.NotFound: 404,
    errors.Unacceptable: 406,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.RangeUnsatisfiable: 416,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
}
_NOVA_NAMES = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    406: "computeFault",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    503: "serviceUnavailable",
}
_UNEXPECTED = (
    "Unexpected API Error. Please report this to the operator of this cloud with the request id."
)


@frozen
class Dialect:
    """
    How one API tells its errors.  `say(status, error)` makes the body; `unrouted` answers a path
    or method that does not exist; `denied` words a refusal of the permission table.  `accept` is
    the call's Accept header, which some APIs mind.
    """

    name: str
    say: Callable[[int, Exception | None, str], Reply]
    unrouted: Callable[[int, str], Reply]
    statuses: dict[type[errors.DomainError], int] = field(factory=dict)
    denied: str = "Policy doesn't allow {} to be performed."

    def fault(self, error: errors.DomainError, accept: str = "*/*") -> Reply:
        """
        The answer to `error`.
        """
        for kind in type(error).__mro__:
            status = self.statuses.get(kind) or _STATUS.get(kind)
            if status:
                return _with_wait(self.say(status, error, accept), error)
        return self.say(500, None, accept)

    def unexpected(self, accept: str = "*/*") -> Reply:
        """
        The bare 500 for what we did not foresee.
        """
        return self.say(500, None, accept)


def _with_wait(reply: Reply, error: errors.DomainError) -> Reply:
    if not isinstance(error, errors.TooManyRequests):
        return reply
    return evolve(reply, headers=(*reply.headers, ("Retry-After", str(error.retry_after_s))))


_PHRASES = {413: "Request Entity Too Large", 416: "Request Range Not Satisfiable"}  # WebOb's


def phrase(status: int) -> str:
    """
    The reason phrase, such as "Not Found".
    """
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _keystone(status: int, error: Exception | None, _accept: str) -> Reply:
    message = str(error) if error else _UNEXPECTED
    told: dict[str, object] = {"code": status, "message": message, "title": phrase(status)}
    ways = getattr(error, "identity", None)  # to log in
    if ways is not None:
        told["identity"] = ways
    return json_reply({"error": told}, status)


def _nova(status: int, error: Exception | None, _accept: str) -> Reply:
    if status == 401:
        return _keystone(status, error, _accept)
    name = _NOVA_NAMES.get(status, "computeFault")
    message = str(error) if error else _UNEXPECTED
    return Reply(
        status,
        json_reply({name: {"code": status, "message": message}}).body,
        "application/json; charset=UTF-8",
    )


def _neutron(status: int, error: Exception | None, _accept: str) -> Reply:
    if status == 401:
        return _keystone(status, error, _accept)
    kind = getattr(error, "neutron_type", None) or f"HTTP{phrase(status).replace(' ', '')}"
    message = str(error) if error else _UNEXPECTED
    return json_reply({"NeutronError": {"type": kind, "message": message, "detail": ""}}, status)


_NO_SUCH_PATH = "The resource could not be found."


def page(status: int, message: str) -> Reply:
    """
    The HTML page that WebOb, under Nova and Glance, makes of an error.
    """
    return webob_page(status, f"{html.escape(message)}<br /><br />\n\n\n")


def webob_page(status: int, inner: str) -> Reply:
    """
    WebOb's page around `inner`, which is HTML already.
    """
    title = f"{status} {phrase(status)}"
    body = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {inner}\n </body>\n</html>"
    )
    return Reply(status, body.encode(), "text/html; charset=UTF-8")


def webob_fault(status: int, message: str, accept: str, media_type: str | None = None) -> Reply:
    """
    An error as WebOb words it for `Accept`: JSON when that is asked for, an HTML page for
    text/html and */*, plain text else.

    media_type: of the request, when that is the fault; `message` then is a detail below it.
    """
    if media_type is None:
        text, inner = f"{message}<br /><br />\n\n\n", f"{html.escape(message)}<br /><br />\n\n\n"
    else:
        head = "The request media type {} is not supported by this server.\n<br /><br />\n{}"
        text = head.format(media_type, message)
        inner = head.format(html.escape(media_type), html.escape(message))
    offered = _preferred(accept)
    if offered == "text/html":
        return webob_page(status, inner)
    if offered == "application/json":
        code = f"{status} {phrase(status)}"
        return json_reply({"message": text, "code": code, "title": phrase(status)}, status)
    plain = f"{status} {phrase(status)}\n\n{message}\n\n   "
    return Reply(status, plain.encode(), "text/plain; charset=UTF-8")


def _preferred(accept: str) -> str | None:
    """
    Which of text/html and application/json a client would rather have; None for neither.
    """
    best: tuple[float, str | None] = (0.0, None)
    for offer in ("text/html", "application/json"):
        for part in accept.split(","):
            kind, _, parameters = part.strip().partition(";")
            quality = re.search(r"q=([0-9.]+)", parameters)
            weight = float(quality[1]) if quality and quality[1].count(".") < 2 else 1.0
            matches = kind.strip() in (offer, "*/*", offer.partition("/")[0] + "/*")
            if matches and weight > best[0]:
                best = (weight, offer)
    return best[1]


_GLANCE_401 = (
    "This server could not verify that you are authorized to access the document you requested. "
    "Either you supplied the wrong credentials (e.g., bad password), or your browser does not "
    "understand how to supply the credentials required."
)


def _glance(status: int, error: Exception | None, accept: str) -> Reply:
    if status == 401:
        return webob_fault(status, _GLANCE_401, accept)
    message = str(error) if error else _UNEXPECTED
    media_type = getattr(error, "media_type", None)
    return webob_fault(status, message, accept, media_type)


def _webob_unrouted(_status: int, _accept: str) -> Reply:
    return page(404, _NO_SUCH_PATH)


def _glance_unrouted(_status: int, accept: str) -> Reply:
    return webob_fault(404, _NO_SUCH_PATH, accept)


def _neutron_unrouted(_status: int, accept: str) -> Reply:
    return _neutron(404, errors.NotFound(_NO_SUCH_PATH), accept)


def _keystone_unrouted(status: int, _accept: str) -> Reply:
    if status == 405:
        return json_reply({"message": "The method is not allowed for the requested URL."}, 405)
    body = (
        "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
        "<p>The requested URL was not found on the server. If you entered the URL manually please"
        " check your spelling and try again.</p>\n"
    )
    return Reply(404, body.encode(), "text/html; charset=utf-8")


KEYSTONE = Dialect(
    "identity",
    _keystone,
    _keystone_unrouted,
    denied="You are not authorized to perform the requested action: {}.",
)
NOVA = Dialect("compute", _nova, _webob_unrouted)
NEUTRON = Dialect("network", _neutron, _neutron_unrouted, {errors.OverQuota: 409})
GLANCE = Dialect(
    "image",
    _glance,
    _glance_unrouted,
    {errors.OverQuota: 413},
    "You are not authorized to complete {} action.",
)
CINDER = Dialect("volume", _nova, _webob_unrouted, {errors.OverQuota: 413})
