"""
The daemon's unix socket for `ganetid-admin`: JSON over HTTP, for whoever may open the file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from ganetid.node.rpc.joining import Token
from ganetid.opcodes.errors import BadParameters
from ganetid.roles.invitations import invitations_of
from ganetid.roles.master import MasterHalf
from ganetid.roles.node import NodeHalf
from ganetid.roles.succession import CannotBeMaster

SOCKET = "admin.sock"
Given = Mapping[str, Any]


class AdminRefused(Exception):
    """What was asked for can't be done; one line for the administrator."""


class IDaemon(Protocol):
    """The daemon, as its administrator sees it."""

    half: NodeHalf
    master: MasterHalf | None

    async def take_over(self, forced: bool) -> None:
        """Make this node the master.  Raises CannotBeMaster."""


class AdminDoor(Resource):
    """One POST per verb; answers ``{"error": ...}`` with 400 when it can't be done."""

    isLeaf = True
    _log = Logger()

    def __init__(self, reactor: Any, daemon: IDaemon) -> None:
        super().__init__()
        self._reactor = reactor
        self._daemon = daemon
        self._port: Any = None
        self.verbs: dict[str, Callable[[Given], Awaitable[Any]]] = {
            "status": self._status,
            "invite": self._invite,
            "take-over": self._take_over,
            "submit": self._submit,
        }

    async def listen(self) -> None:
        """Begin to listen.  Raises OSError."""
        path = self._path()
        await deferToThread(path.unlink, missing_ok=True)
        site = Site(self)
        site.displayTracebacks = False
        self._port = self._reactor.listenUNIX(str(path), site, mode=0o600)

    async def close(self) -> None:
        """Listen no more.  Idempotent."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()

    def render_POST(self, request: Any) -> Any:
        """See twisted.web.resource.IResource."""
        Deferred.fromCoroutine(self._respond(request)).addErrback(self._broke, request)
        return NOT_DONE_YET

    async def _respond(self, request: Any) -> None:
        verb = self.verbs.get(request.path.decode("utf-8", "replace").strip("/"))
        try:
            if verb is None:
                raise AdminRefused("this ganetid does not know that")
            answer, status = await verb(msgspec.json.decode(request.content.read())), 200
        except AdminRefused as refused:
            answer, status = {"error": str(refused)}, 400
        _finish(request, status, answer)

    def _broke(self, failure: Failure, request: Any) -> None:
        self._log.failure("an administrator's wish broke", failure=failure)
        _finish(request, 500, {"error": f"{failure.getErrorMessage()}; see the log of ganetid"})

    def _path(self) -> Path:
        return self._daemon.half.directories.state / SOCKET

    async def _status(self, given: Given) -> Any:
        half = self._daemon.half
        return {
            "name": half.membership.name,
            "is_master": self._daemon.master is not None,
            "view": half.membership.view,
            "running": sorted(half.node.running),
        }

    async def _take_over(self, given: Given) -> Any:
        try:
            await self._daemon.take_over(bool(given.get("forced")))
        except CannotBeMaster as error:
            raise AdminRefused(str(error)) from error
        return {"epoch": self._daemon.half.membership.view}

    async def _submit(self, given: Given) -> Any:
        """A job of one opcode, such as RAPI has no call for."""
        master = self._daemon.master
        if master is None:
            raise AdminRefused("this node is not the master")
        try:
            return {"job": await master.submit(str(given["op"]), given.get("given") or {})}
        except (BadParameters, KeyError) as error:
            raise AdminRefused(str(error)) from error

    async def _invite(self, given: Given) -> Any:
        half, master = self._daemon.half, self._daemon.master
        name, readd = str(given["name"]), bool(given.get("readd"))
        if master is None:
            raise AdminRefused("this node is not the master")
        if half.address is None:
            raise AdminRefused("this cluster has no node RPC: set node_port")
        if (name in master.cluster.members) is not readd:
            state = "not in the cluster" if readd else "in the cluster already: see --readd"
            raise AdminRefused(f"node {name} is {state}")
        group = given.get("group")
        if group is not None and group not in master.cluster.groups:
            raise AdminRefused(f"there is no group {group}")
        invitations, now = invitations_of(half), self._reactor.seconds()
        secret = await deferToThread(invitations.add, name, now, group, readd)
        host, port = half.address
        return {"token": Token(host, port, half.identity.fingerprint, name, secret).text()}


def _finish(request: Any, status: int, answer: Any) -> None:
    if getattr(request, "_disconnected", False):
        return
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    request.write(msgspec.json.encode(answer))
    request.finish()
