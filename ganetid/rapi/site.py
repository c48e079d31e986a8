"""
The HTTP side of the remote API: limits, credentials, parsing, and errors as JSON.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as HttpRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from ganetid.rapi import routes
from ganetid.rapi.answers import JSON, Document, Encoded, Page, Taken
from ganetid.rapi.api import Api
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault, body_of, fault_of
from ganetid.rapi.gate import Gate
from ganetid.rapi.headers import header
from ganetid.rapi.metrics import stopwatch
from ganetid.rapi.sending import Reply, send
from ganetid.rapi.tokens import TokenFile
from ganetid.rapi.users import REALM, Users

MAX_BODY = 10 * 1024 * 1024  # Ganeti's
IDLE_S = 60
# Ganeti takes the first only; clients that name the charset mean the same.
JSON_TYPES = frozenset({"application/json", "application/json; charset=utf-8"})
UNKNOWN_PATH = "unknown"


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


class QuietSite(Site):
    """A site whose log tells of what was changed or refused; reads are only counted."""

    displayTracebacks = False

    def log(self, request: HttpRequest) -> None:
        """Twisted: the request was answered."""
        if request.method != b"GET" or request.code >= 400:
            super().log(request)


class RemoteApi(Resource):
    """Every path of the remote API."""

    isLeaf = True
    _log = Logger()

    def __init__(self, api: Api, gate: Gate) -> None:
        super().__init__()
        self._api = api
        self._gate = gate

    def render(self, request: Request) -> int:
        """Twisted: answer the request."""
        Deferred.fromCoroutine(self._respond(request)).addErrback(self._lost)
        return NOT_DONE_YET

    async def _respond(self, request: Request) -> None:
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        begun = stopwatch()
        method, path = request.method.decode("ascii", "replace"), UNKNOWN_PATH
        try:
            target, _, query = request.uri.decode("ascii", "replace").partition("?")
            found = routes.match(method, unquote(target))
            path = found.path
            answer = await self._answer(request, found, query)
            if isinstance(answer, Taken):
                await answer.begin(request)
                return
            reply = _reply(answer)
        except Exception as error:  # noqa: BLE001 - the edge of a service: logged
            reply = self._refusal(request, error)
        self._api.meter.answered(method, path, reply.status, stopwatch() - begun)
        await send(request, reply)

    async def _answer(self, request: Request, found: routes.Match, query: str) -> Any:
        peer = request.getClientAddress()
        address = str(getattr(peer, "host", ""))
        caller = self._gate.let_in(
            header(request, b"authorization") or None, address, found.verb.access, found.permission
        )
        arguments = parse_qs(query, keep_blank_values=True)
        call = Call(found.items, arguments, _parsed_body(request), caller)
        return await found.verb.answer(self._api, call)

    def _refusal(self, request: Request, error: Exception) -> Reply:
        fault = fault_of(error)
        if fault is None:
            self._log.failure("{method} {uri} broke", method=request.method, uri=request.uri)
            fault = Fault(500)
        headers = dict(fault.headers)
        if fault.status == 401:
            headers["www-authenticate"] = f'Basic realm="{REALM}"'
        return Reply(fault.status, body_of(fault), JSON, tuple(headers.items()))

    def _lost(self, failure: Failure) -> None:
        self._log.failure("an answer could not be sent", failure=failure)


def _reply(answer: Any) -> Reply:
    match answer:
        case Encoded(body):
            return Reply(200, body, JSON)
        case Document(body, content_type):
            return Reply(200, body, content_type)
        case Page(value, after):
            body = value.body if isinstance(value, Encoded) else msgspec.json.encode(value)
            return Reply(200, body, JSON, () if after is None else (("x-next-after", after),))
    return Reply(200, msgspec.json.encode(answer), JSON)


def _parsed_body(request: HttpRequest) -> Any:
    if getattr(request, "is_too_long", False):
        raise Fault(413)
    assert request.content is not None
    raw = request.content.read()
    if not raw:
        return None
    if header(request, b"content-type").lower() not in JSON_TYPES:
        raise Fault(415)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Fault(400, "Unable to parse JSON data") from None


@frozen
class Access:
    """
    Who may use the remote API.

    tokens: the file of bearer tokens.  needs_user: reads too need credentials.
    """

    tokens: Path | None = None
    needs_user: bool = False


def site_of(api: Api, users: Users, reactor: Any, access: Access | None = None) -> Site:
    """The remote API as a site that listens can serve."""
    access = access or Access()
    tokens = None if access.tokens is None else TokenFile(access.tokens)
    gate = Gate(users, time.time, tokens, access.needs_user)
    return QuietSite(RemoteApi(api, gate), requestFactory=LimitedRequest, timeout=IDLE_S,
                     reactor=reactor)  # fmt: skip
