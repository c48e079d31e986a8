"""
The node's side of node RPC: an HTTPS site that only the master's calls get through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from ganetid.node.membership import Membership, NotAllowed, OlderMaster
from ganetid.node.rpc.trust import Peer, peer_of

MAX_BODY = 256 * 1024 * 1024
MAX_STRANGERS_BODY = 64 * 1024

OK = 200
BAD_REQUEST = 400
FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
GONE = 410
TOO_LARGE = 413
BROKEN = 500


class Refused(Exception):
    """An answer that is not 200: status and body."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@frozen
class Asked:
    """A request.  peer: None when it showed no certificate.  path: its words."""

    peer: Peer | None
    path: tuple[str, ...]
    header: Callable[[str], str]
    body: bytes
    request: Any

    @property
    def epoch(self) -> int:
        """The caller's epoch, 0 when it tells none."""
        text = self.header("x-ganetid-epoch")
        return int(text) if text.isdecimal() else 0


Handler = Callable[[Asked], Awaitable[bytes | None]]

MASTER = "master"
MEMBER = "member"
STRANGER = "stranger"


@frozen
class Door:
    """What answers a path, and to whom: the master, any node, or anybody."""

    handler: Handler
    admits: str = MASTER


class RpcSite(Resource):
    """
    Paths by their first word.

    A handler answers the body of a 200, or None when it answers by itself.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, membership: Membership) -> None:
        super().__init__()
        self._membership = membership
        self.doors: dict[str, Door] = {}

    def site(self) -> Site:
        """To listen with."""
        site = Site(self)
        site.displayTracebacks = False
        return site

    def render(self, request: Any) -> Any:
        """See twisted.web.resource.IResource."""
        Deferred.fromCoroutine(self._respond(request)).addErrback(self._broke, request)
        return NOT_DONE_YET

    async def _respond(self, request: Any) -> None:
        try:
            door, asked = self._admitted(request)
            body = await door.handler(asked)
        except Refused as refused:
            _finish(request, refused.status, refused.body)
        except OlderMaster as older:
            _finish(request, CONFLICT, msgspec.json.encode(older.view))
        except NotAllowed as error:
            self._log.warn("a call was refused: {error}", error=error)
            _finish(request, FORBIDDEN, str(error).encode())
        except OSError as error:
            self._log.error("{path} failed: {error}", path=request.path, error=error)
            _finish(request, BROKEN, str(error).encode())
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            _finish(request, BAD_REQUEST, str(error).encode())
        else:
            if body is not None:
                _finish(request, OK, body)

    def _admitted(self, request: Any) -> tuple[Door, Asked]:
        path = tuple(request.path.decode("utf-8", "replace").strip("/").split("/"))
        door = self.doors.get(path[0])
        peer = peer_of(request)
        if door is None:
            raise Refused(NOT_FOUND, b"no such path")
        headers: Mapping[str, str] = {
            key.decode("latin-1").lower(): values[-1].decode("latin-1")
            for key, values in request.requestHeaders.getAllRawHeaders()
        }
        length = int(headers.get("content-length") or 0)
        if length > (MAX_STRANGERS_BODY if door.admits == STRANGER else MAX_BODY):
            raise Refused(TOO_LARGE, b"too large")
        asked = Asked(
            peer, path, lambda name: headers.get(name, ""), request.content.read(), request
        )
        if door.admits == STRANGER:
            return door, asked
        if peer is None:
            raise NotAllowed("no certificate was shown")
        if door.admits == MEMBER:
            self._membership.check_member(peer.name, peer.fingerprint)
        else:
            self._membership.check_master(peer.name, peer.fingerprint, asked.epoch)
        return door, asked

    def _broke(self, failure: Failure, request: Any) -> None:
        self._log.failure("a call broke", failure=failure)
        _finish(request, BROKEN, b"see the log of ganetid")


def _finish(request: Any, status: int, body: bytes) -> None:
    if getattr(request, "_disconnected", False) or request.finished:
        return
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/octet-stream")
    request.setHeader(b"content-length", b"%d" % len(body))
    request.write(body)
    request.finish()
