"""
The table from kind of error to status and body, one dialect for each API's own format.

Source: answers of today's Keystone, Nova, Neutron and Glance to the same bad requests.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from http import HTTPStatus

from attrs import frozen

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
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
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
    or method that does not exist.
    """

    name: str
    say: Callable[[int, Exception | None], Reply]
    unrouted: Callable[[int], Reply]
    statuses: dict[type[errors.DomainError], int] = {}

    def fault(self, error: errors.DomainError) -> Reply:
        """
        The answer to `error`.
        """
        for kind in type(error).__mro__:
            status = self.statuses.get(kind) or _STATUS.get(kind)
            if status:
                return self.say(status, error)
        return self.say(500, None)

    def unexpected(self) -> Reply:
        """
        The bare 500 for what we did not foresee.
        """
        return self.say(500, None)


def phrase(status: int) -> str:
    """
    The reason phrase, such as "Not Found".
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _keystone(status: int, error: Exception | None) -> Reply:
    message = str(error) if error else _UNEXPECTED
    return json_reply(
        {"error": {"code": status, "message": message, "title": phrase(status)}}, status
    )


def _nova(status: int, error: Exception | None) -> Reply:
    if status == 401:
        return _keystone(status, error)
    name = _NOVA_NAMES.get(status, "computeFault")
    message = str(error) if error else _UNEXPECTED
    return Reply(
        status,
        json_reply({name: {"code": status, "message": message}}).body,
        "application/json; charset=UTF-8",
    )


def _neutron(status: int, error: Exception | None) -> Reply:
    if status == 401:
        return _keystone(status, error)
    kind = getattr(error, "neutron_type", None) or f"HTTP{phrase(status).replace(' ', '')}"
    message = str(error) if error else _UNEXPECTED
    return json_reply({"NeutronError": {"type": kind, "message": message, "detail": ""}}, status)


def page(status: int, message: str) -> Reply:
    """
    The HTML page that WebOb, under Nova and Glance, makes of an error.
    """
    title = f"{status} {phrase(status)}"
    body = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {html.escape(message)}<br /><br />\n\n\n\n </body>\n</html>"
    )
    return Reply(status, body.encode(), "text/html; charset=UTF-8")


_GLANCE_401 = (
    "This server could not verify that you are authorized to access the document you requested. "
    "Either you supplied the wrong credentials (e.g., bad password), or your browser does not "
    "understand how to supply the credentials required."
)


def _glance(status: int, error: Exception | None) -> Reply:
    if status == 401:
        return page(status, _GLANCE_401)
    return page(status, str(error) if error else _UNEXPECTED)


def _webob_unrouted(status: int) -> Reply:
    return page(404, "The resource could not be found.")


def _neutron_unrouted(status: int) -> Reply:
    return _neutron(404, errors.NotFound("The resource could not be found."))


def _keystone_unrouted(status: int) -> Reply:
    if status == 405:
        return json_reply({"message": "The method is not allowed for the requested URL."}, 405)
    body = (
        "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
        "<p>The requested URL was not found on the server. If you entered the URL manually please"
        " check your spelling and try again.</p>\n"
    )
    return Reply(404, body.encode(), "text/html; charset=utf-8")


KEYSTONE = Dialect("identity", _keystone, _keystone_unrouted)
NOVA = Dialect("compute", _nova, _webob_unrouted)
NEUTRON = Dialect("network", _neutron, _neutron_unrouted, {errors.OverQuota: 409})
GLANCE = Dialect("image", _glance, _webob_unrouted, {errors.OverQuota: 413})
CINDER = Dialect("volume", _nova, _webob_unrouted, {errors.OverQuota: 413})
