"""
A Ganeti in memory, for tests: a Klein app that the real client drives.

It stores jobs and answers as RAPI does; it runs nothing and publishes nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import define, field
from klein import Klein
from treq.testing import StubTreq
from twisted.web.server import Request

from synnefo_tx.cluster.rapi import Address, RapiCluster


@define
class StoredJob:
    """
    One job as it was asked for.
    """

    method: str
    path: str
    query: dict[str, str]
    body: Any


@define
class MemoryGaneti:
    """
    `away`: answer 503, as a full queue does.  `refusal`: answer 400 with this message.
    `resources`: path -> what a GET of it answers.
    """

    away: bool = False
    refusal: str | None = None
    jobs: list[StoredJob] = field(factory=list)
    resources: dict[str, Any] = field(factory=dict)
    _by_reason: dict[str, int] = field(factory=dict)
    app: Klein = field(factory=Klein)

    def __attrs_post_init__(self) -> None:
        @self.app.route("/2/instances/<name>/console-log", methods=["GET"])
        def console_log(request: Request, name: str) -> bytes:
            request.setHeader("content-type", "application/json")
            return msgspec.json.encode({"log": f"console of {name}\n"})

        @self.app.route("/2/", branch=True, methods=["GET", "POST", "PUT", "DELETE"])
        def submit(request: Request) -> bytes:
            return self._submit(request)

    def cluster(self) -> RapiCluster:
        """
        The real client on this cluster.
        """
        http = StubTreq(self.app.resource())
        return RapiCluster(http, Address("https://cluster:5080", "user", "secret"))

    def _submit(self, request: Request) -> bytes:
        request.setHeader("content-type", "application/json")
        if self.away:
            return self._fault(request, 503, "Job queue is full")
        if self.refusal is not None:
            return self._fault(request, 400, self.refusal)
        if request.method == b"GET":
            return self._shown(request)
        query = {key.decode(): values[0].decode() for key, values in request.args.items()}
        reason = query.pop("reason", "")
        if reason not in self._by_reason:
            content = request.content.read() if request.content else b""
            body = msgspec.json.decode(content) if content else None
            path = request.path.decode()
            self.jobs.append(StoredJob(request.method.decode(), path, query, body))
            self._by_reason[reason] = len(self.jobs)
        return msgspec.json.encode(self._by_reason[reason])

    def _shown(self, request: Request) -> bytes:
        path = request.path.decode()
        if path not in self.resources:
            return self._fault(request, 404, "Nothing matches the given URI")
        return msgspec.json.encode(self.resources[path])

    @staticmethod
    def _fault(request: Request, status: int, message: str) -> bytes:
        request.setResponseCode(status)
        return msgspec.json.encode({"code": status, "message": message, "explain": "Bad request"})
