"""
The HTTP side of the remote API: limits, credentials, parsing, and errors as JSON.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, unquote

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as HttpRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from ganetid.rapi import routes
from ganetid.rapi.api import Api
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault, body_of, fault_of
from ganetid.rapi.users import REALM, Users

MAX_BODY = 10 * 1024 * 1024  # Ganeti's
IDLE_S = 60
# Ganeti takes the first only; clients that name the charset mean the same.
JSON_TYPES = frozenset({"application/json", "application/json; charset=utf-8"})
SERVER = b"Ganeti 3.0.2"  # what clients look for


class LimitedRequest(Request):
    """A request whose body is kept up to `MAX_BODY` bytes; of a longer one only that it was."""

    is_too_long = False
    _kept = 0

    def gotLength(self, length: int | None) -> None:
        """Twisted: the body's size is known."""
        if length is not None and length > MAX_BODY:
            self.is_too_long = True
            length = None
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Twisted: a part of the body came."""
        self._kept += len(data)
        if self._kept > MAX_BODY:
            self.is_too_long = True
        if not self.is_too_long:
            super().handleContentChunk(data)


class RemoteApi(Resource):
    """Every path of the remote API."""

    isLeaf = True
    _log = Logger()

    def __init__(self, api: Api, users: Users) -> None:
        super().__init__()
        self._api = api
        self._users = users

    def render(self, request: Request) -> int:
        """Twisted: answer the request."""
        Deferred.fromCoroutine(self._respond(request)).addErrback(self._lost)
        return NOT_DONE_YET

    async def _respond(self, request: Request) -> None:
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        try:
            body = json.dumps(await self._answer(request)).encode("ascii")
        except Exception as error:  # noqa: BLE001 - the edge of a service: logged
            fault = fault_of(error)
            if fault is None:
                self._log.failure("{method} {uri} broke", method=request.method, uri=request.uri)
                fault = Fault(500)
            request.setResponseCode(fault.status)
            if fault.status == 401:
                realm = f'Basic realm="{REALM}"'.encode("ascii")
                request.setHeader(b"www-authenticate", realm)
            body = body_of(fault)
        if request._disconnected:
            return
        request.setHeader(b"content-type", b"application/json")
        request.setHeader(b"content-length", b"%d" % len(body))
        request.setHeader(b"server", SERVER)
        request.write(body)
        request.finish()

    async def _answer(self, request: Request) -> Any:
        path, _, query = request.uri.decode("ascii", "replace").partition("?")
        found = routes.match(request.method.decode("ascii", "replace"), unquote(path))
        self._let_in(request, found.verb.access)
        call = Call(found.items, parse_qs(query, keep_blank_values=True), _parsed_body(request))
        return await found.verb.answer(self._api, call)

    def _let_in(self, request: Request, access: frozenset[str]) -> None:
        """Raises Fault 401 or 403 unless the request's user may."""
        header = request.getHeader("authorization")
        if header is None and not access:
            return
        user = None if header is None else self._users.authenticate(header)
        if user is None:
            raise Fault(401)
        if access and not access & user.rights:
            raise Fault(403)

    def _lost(self, failure: Failure) -> None:
        self._log.failure("an answer could not be sent", failure=failure)


def _parsed_body(request: HttpRequest) -> Any:
    if getattr(request, "is_too_long", False):
        raise Fault(413)
    assert request.content is not None
    raw = request.content.read()
    if not raw:
        return None
    if (request.getHeader("content-type") or "").lower() not in JSON_TYPES:
        raise Fault(415)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Fault(400, "Unable to parse JSON data") from None


def site_of(api: Api, users: Users, reactor: Any) -> Site:
    """The remote API as a site that listens can serve."""
    site = Site(RemoteApi(api, users), requestFactory=LimitedRequest, timeout=IDLE_S,
                reactor=reactor)  # fmt: skip
    site.displayTracebacks = False
    return site
