"""
A service's routes over Klein: method and path to a typed handler, with the request id, the token,
the permission, the microversion and the error dialect dealt with in one place.

A handler is never cancelled when its client hangs up: it runs to its end and its answer is dropped.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Protocol

from attrs import define, evolve, field, frozen
from klein import Klein
from klein.resource import KleinResource
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from werkzeug.exceptions import HTTPException

from synnefo_tx import errors
from synnefo_tx.http.call import Call
from synnefo_tx.http.dialects import Dialect
from synnefo_tx.http.pouring import pour
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.streaming import MAX_BODY_BYTES, BodyCut
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rules.access import permits
from synnefo_tx.identity.token import Token

Handler = Callable[..., Awaitable[Reply]]


Answered = Callable[[str, str, str, int, float], None]
_PLAIN_HOST = re.compile(rb"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _uncounted(_service: str, _method: str, _route: str, _status: int, _seconds: float) -> None:
    """
    Nobody counts.
    """


def _method(call: Call) -> str:
    """
    The call's method as it is counted: clients must not make up any number of them.
    """
    method = call.request.method.decode("ascii", "replace")
    return method if method in KNOWN_METHODS else "other"


class Authenticate(Protocol):
    """
    From the text of a token to its meaning.  Raises NotAuthenticated.
    """

    def __call__(self, text: str) -> Awaitable[Token]: ...


class Permitted(Protocol):
    """
    Whether a token may do what `permission` names: to `target`, or at all when it is None.  May
    raise Forbidden in its service's words.
    """

    def __call__(self, permission: str, token: Token, target: Target | None = None) -> bool: ...


@frozen
class Way:
    """
    A body by which a route asks for one more permission, such as an action's.
    """

    method: str
    pattern: str
    permission: str
    body: Mapping[str, Any]


class Microversions(Protocol):
    """
    The microversion rules of one API.
    """

    def choose(self, call: Call) -> tuple[int, int]:
        """
        What the headers ask for.  Raises BadRequest or Unacceptable.
        """

    def headers(self, version: tuple[int, int]) -> list[tuple[str, str]]:
        """
        What every answer carries.
        """


@define
class Router:
    """
    The routes of one service.

    prefix: path below the site's root, such as "compute".  public_url: base of the whole cloud
    when clients reach it through a proxy, else None and the Host header decides.  largest_body:
    bytes of a body that is not streamed.  service_types: as the catalog calls it, for access rules;
    its prefix if left out.  answered: told of each answer, see http/metrics.py.
    """

    prefix: str
    dialect: Dialect
    authenticate: Authenticate
    permitted: Permitted
    microversions: Microversions | None = None
    public_url: str | None = None
    request_id_headers: tuple[str, ...] = ("x-openstack-request-id",)
    vary: tuple[str, ...] = ()
    largest_body: int = MAX_BODY_BYTES
    service_types: tuple[str, ...] = ()
    routes: list[tuple[str, str, str | None]] = field(factory=list)
    ways: list[Way] = field(factory=list)
    answered: Answered = _uncounted
    early: dict[str, Callable[[Any], bool]] = field(factory=dict)
    whole: dict[tuple[bytes, bytes], Callable[[Request], Deferred[bytes]]] = field(
        factory=dict, init=False
    )
    _klein: Klein = field(factory=Klein, init=False)
    _log: ClassVar[Logger] = Logger()

    def __attrs_post_init__(self) -> None:
        @self._klein.handle_errors(HTTPException)  # type: ignore[arg-type]  # bytes will do
        def unrouted(request: Request, failure: Failure) -> bytes:
            status = getattr(failure.value, "code", 404) or 404
            call = self._call(request)
            if status in (301, 308):  # a redirect that werkzeug made for a doubled slash
                status = 404
            reply = self.dialect.unrouted(status, call.header("accept"))
            allowed = sorted(getattr(failure.value, "valid_methods", None) or ())
            if reply.status == 405 and allowed:
                reply = evolve(reply, headers=(*reply.headers, ("Allow", ", ".join(allowed))))
            self._write(request, call, reply)
            self.answered(self.prefix, _method(call), "", reply.status, 0.0)
            return b""

    def route(
        self, method: str, pattern: str, permission: str | None
    ) -> Callable[[Handler], Handler]:
        """
        Serve `method pattern` with the decorated handler.

        permission: a key of the permission table, or None for calls that need no token.
        pattern: a werkzeug rule such as "/v2.1/servers/<server_id>"; a trailing slash is optional.
        """

        def add(handler: Handler) -> Handler:
            self.routes.append((method, pattern, permission))

            def serve(request: Request, **parts: str) -> Any:
                return self._serve(request, handler, permission, parts, pattern)

            serve.__name__ = f"{method}_{len(self.routes)}"
            if "<" not in pattern:
                self.whole[method.encode(), f"/{self.prefix}{pattern}".encode()] = serve
            self._klein.route(pattern, methods=[method], strict_slashes=False)(serve)
            return handler

        return add

    def enforce(self, call: Call, permission: str, target: Target | None = None) -> None:
        """
        Raises Forbidden unless the caller may do what `permission` names: to `target`, or at all.
        """
        if not self.permitted(permission, call.token, target):
            raise errors.Forbidden(self.dialect.denied.format(permission))

    def permissions(self) -> set[str]:
        """
        Every permission that some route asks for.
        """
        named = {name for _, _, name in self.routes if name is not None}
        return named | {way.permission for way in self.ways}

    def answer_early(self, path: str, answer: Callable[[Any], bool]) -> None:
        """
        Ask `answer` before routing whether it has answered a request for the path.
        """

        def counted(request: Any) -> bool:
            started = time.monotonic()
            done = answer(request)
            if done:
                self.answered(self.prefix, "GET", path, 200, time.monotonic() - started)
            return done

        self.early[path] = counted

    def resource(self) -> KleinResource:
        """
        What the site mounts at `prefix`.
        """
        return _Resource(self)

    def refuse_illegible(self, request: Request) -> None:
        """
        Answer a request whose method, path or host is no text.
        """
        call = self._call(request)
        error = errors.BadRequest("The URL is not UTF-8, or the host is no name.")
        self._write(request, call, self.dialect.fault(error, call.header("accept")))

    def _call(self, request: Request) -> Call:
        if self.public_url:
            root = self.public_url.rstrip("/")
        else:
            scheme = "https" if request.isSecure() else "http"
            host = (request.getHeader(b"host") or b"localhost").decode("utf-8", "replace")
            root = f"{scheme}://{host}"
        request_id = f"req-{uuid.uuid4()}"
        request.request_id = request_id  # type: ignore[attr-defined]  # for the access log
        return Call(
            request=request,
            request_id=request_id,
            base=f"{root}/{self.prefix}" if self.prefix else root,
            path=request.path.decode("ascii", "replace"),
            body_stream=getattr(request, "body_stream", None),
        )

    def _serve(
        self,
        request: Request,
        handler: Handler,
        permission: str | None,
        parts: dict[str, str],
        pattern: str,
    ) -> Deferred[bytes]:
        started = time.monotonic()
        call = self._call(request)
        # Klein cancels what it is given when the client leaves; the handler must go on.
        answered: Deferred[bytes] = Deferred(lambda _: None)
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)

        async def run() -> None:
            reply = await self._reply(call, handler, permission, parts)
            took_s = time.monotonic() - started
            self.answered(self.prefix, _method(call), pattern, reply.status, took_s)
            await self._send(request, call, reply, gone)

        def done(result: object) -> None:
            if isinstance(result, Failure):
                self._log.failure("answer to {id} was not sent", failure=result, id=call.request_id)
                # The head may be out: only a broken connection can still tell the client, and
                # `answered` must not fire, or Klein would end the answer as if it were whole.
                channel: Any = request.channel
                if not gone and channel is not None:
                    channel.transport.abortConnection()
            elif not answered.called:
                answered.callback(b"")

        Deferred.fromCoroutine(run()).addBoth(done)
        return answered

    async def _reply(
        self, call: Call, handler: Handler, permission: str | None, parts: dict[str, str]
    ) -> Reply:
        accept = call.header("accept")
        try:
            if permission is not None:
                call.bearer = await self._bearer(call)
                self._within_rules(call, call.bearer)
            if self.microversions is not None:
                call.version = self.microversions.choose(call)
                call.extra_headers += self.microversions.headers(call.version)
            if permission is not None:
                self.enforce(call, permission)
            if b"%00" in call.request.uri:  # PostgreSQL has no text with it, so nothing has
                raise errors.BadRequest("The URL contains a NUL character.")
            if self._oversized(call):
                raise errors.TooLarge("Request is too large.")
            reply = await handler(call, **parts)
        except errors.DomainError as error:
            reply = self.dialect.fault(error, accept)
        except BodyCut:
            reply = self.dialect.fault(errors.BadRequest("The body ended early."), accept)
        except Exception:  # noqa: BLE001 - the edge of a service: logged
            self._log.failure(
                "{method} {path} failed, {id}",
                method=call.request.method,
                path=call.path,
                id=call.request_id,
            )
            reply = self.dialect.unexpected(accept)
        return reply

    def _oversized(self, call: Call) -> bool:
        if getattr(call.request, "oversized", False):
            return True
        if call.body_stream is not None:
            return False
        length = call.header("content-length")
        said = int(length) if length.isdigit() else 0
        return max(said, call.body_size()) > self.largest_body

    async def _bearer(self, call: Call) -> Token:
        text = call.header("x-auth-token")
        if not text:
            raise errors.NotAuthenticated
        return await self.authenticate(text)

    def _within_rules(self, call: Call, token: Token) -> None:
        """
        Raises NotAuthenticated for a call that the token is not good for.
        """
        path = call.path.removeprefix(f"/{self.prefix}")
        method = call.request.method.decode("ascii", "replace")
        if not permits(token, self.service_types or (self.prefix,), method, path):
            raise errors.NotAuthenticated

    def _head(self, request: Request, call: Call, reply: Reply) -> None:
        request.setResponseCode(reply.status)
        headers = request.responseHeaders
        if reply.status != 204:
            headers.setRawHeaders("content-type", [reply.content_type])
        for name in self.request_id_headers:
            headers.setRawHeaders(name, [call.request_id])
        for name in self.vary:
            headers.addRawHeader("vary", name)
        for name, value in (*call.extra_headers, *reply.headers):
            headers.addRawHeader(name, value)
        if reply.status == 401 and not headers.hasHeader("www-authenticate"):
            root = call.base.removesuffix(f"/{self.prefix}")
            headers.setRawHeaders("www-authenticate", [f'Keystone uri="{root}/identity/v3"'])

    def _write(self, request: Request, call: Call, reply: Reply) -> None:
        self._head(request, call, reply)
        if reply.status != 204:
            request.setHeader("content-length", str(len(reply.body)))
        if request.method != b"HEAD" and reply.body:
            request.write(reply.body)

    async def _send(self, request: Request, call: Call, reply: Reply, gone: list[object]) -> None:
        """
        gone: not empty once the client has left.
        """
        if reply.stream is None:
            if not gone:
                self._write(request, call, reply)
            return
        try:
            if gone:
                return
            self._head(request, call, reply)
            if reply.length is not None:
                request.setHeader("content-length", str(reply.length))
            if request.method != b"HEAD":
                await pour(request, reply.stream, reply.length, gone)
        finally:
            close = getattr(reply.stream, "aclose", None)
            if close is not None:
                await close()


class _Resource(KleinResource):
    """
    Klein's resource, which without this would answer what it can't decode by itself.
    """

    def __init__(self, router: Router) -> None:
        super().__init__(router._klein)
        self._router = router

    def render(self, request: Any) -> Any:
        direct = self._router.whole.get((request.method, request.path))
        if direct is not None and _PLAIN_HOST.fullmatch(request.getHeader(b"host") or b"?"):
            # To find it among hundreds of patterns takes a third of a short answer's time.
            direct(request).addCallback(lambda _: _finish(request))
            return NOT_DONE_YET
        if _legible(request):
            try:
                return super().render(request)
            except HTTPException:  # a host that can't be one
                pass
        self._router.refuse_illegible(request)
        return b""


def _finish(request: Any) -> None:
    if not (request.finished or request._disconnected):
        request.finish()


def _legible(request: Any) -> bool:
    try:
        request.method.decode("utf-8")
        b"/".join([*request.prepath, *request.postpath]).decode("utf-8")
        request.getRequestHostname().decode("utf-8")
    except UnicodeError:
        return False
    return True
