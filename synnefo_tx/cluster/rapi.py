"""
A cluster over RAPI: HTTPS, Basic auth, a certificate that is pinned.
"""

from __future__ import annotations

import html
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import msgspec
import treq
from attrs import field, frozen
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectionLost, DNSLookupError
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, ResponseFailed
from zope.interface import implementer

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused, ICluster

CONNECT_TIMEOUT_S = 5.0
TOTAL_TIMEOUT_S = 30.0
_BROKEN = (ConnectError, ConnectionLost, ResponseFailed, CancelledError, DNSLookupError, OSError)


@frozen
class Address:
    """
    Where a cluster answers, and as whom we ask.  `ca_file`: PEM that its certificate is pinned to.
    """

    url: str
    user: str
    password: str = field(repr=False)
    ca_file: str | None = None


def pinned_client(reactor: Any, ca_file: str | None) -> HTTPClient:
    """
    An HTTP client that trusts `ca_file` alone, or the system's authorities when there is none.  It
    keeps no cookies: requests are on behalf of many.
    """
    if ca_file:
        root = trustRootFromCertificates([Certificate.loadPEM(Path(ca_file).read_bytes())])
        policy = BrowserLikePolicyForHTTPS(trustRoot=root)
    else:
        policy = BrowserLikePolicyForHTTPS()
    agent = Agent(reactor, contextFactory=policy, connectTimeout=CONNECT_TIMEOUT_S)
    return HTTPClient(agent, IndexableCookieJar(DefaultCookiePolicy(allowed_domains=[])))


@implementer(ICluster)
class RapiCluster:
    """
    An ICluster over `http`, any client with treq's interface.
    """

    def __init__(self, http: Any, address: Address) -> None:
        self._http = http
        self._address = address

    async def submit(
        self,
        effect_id: str,
        method: str,
        path: str,
        query: dict[str, str],
        body: dict[str, Any] | None,
    ) -> int:
        answer = await self._ask(
            method, path, {**query, "reason": f"synnefo-effect:{effect_id}"}, body
        )
        if not isinstance(answer, int):
            raise ClusterAway(f"{method} {path} gave no job id")
        return answer

    async def console_log(self, instance: str, lines: int | None) -> str:
        query = {} if lines is None else {"length": str(lines)}
        answer = await self._ask("GET", f"/2/instances/{instance}/console-log", query, None)
        return str(answer["log"]) if isinstance(answer, dict) else ""

    async def get(self, path: str, query: dict[str, str]) -> Any:
        return await self._ask("GET", path, query, None)

    async def _ask(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None
    ) -> Any:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            response = await self._http.request(
                method,
                self._address.url + path,
                params=query,
                headers=headers,
                data=msgspec.json.encode(body) if body is not None else None,
                auth=(self._address.user, self._address.password),
                timeout=TOTAL_TIMEOUT_S,
            )
            content = await treq.content(response)
        except _BROKEN as error:
            raise ClusterAway(f"{type(error).__name__}: {error}") from error
        return _read(response.code, content)


def _read(status: int, content: bytes) -> Any:
    try:
        answer = msgspec.json.decode(content) if content else None
    except msgspec.DecodeError as error:
        raise ClusterAway(f"status {status} with a body that is not JSON") from error
    if status == 200:
        return answer
    said = answer.get("message") or answer.get("explain") if isinstance(answer, dict) else None
    message = html.unescape(str(said or f"status {status}"))  # Ganeti escapes it
    if status >= 500 or status in (401, 403, 408, 429):
        # 401 and 403 are the operator's to mend, not the user's fault: keep the wish.
        raise ClusterAway(f"{status}: {message}")
    raise ClusterRefused(status, message)
