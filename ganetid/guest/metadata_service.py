"""
The metadata service of a node: plain HTTP, to guests alone.

Who asks is told by the address that the connection comes from, which the node's packet rules have
put in the place of the guest's own (see network.numbers, `identity`); headers say nothing.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

VERSION = re.compile(r"\d{4}-\d{2}-\d{2}|1\.0")
LATEST = "latest"
AT_ONCE = 16  # connections of one guest
PATIENCE_S = 10.0
LONGEST_PATH = 1024
API_TOKEN = "latest/api/token"  # noqa: S105 - a path

Documents = Callable[[str], Mapping[str, bytes] | None]


def metadata_factory(reactor: Any, documents: Documents) -> WrappingFactory:
    """
    What listens for guests.

    documents: of the guest whose connection comes from this address; None for a stranger.
    """
    site = Site(_Answers(documents), timeout=PATIENCE_S, reactor=reactor)
    site.noisy = False
    return _PerGuest(site, documents)


class _PerGuest(WrappingFactory):
    """Turns away strangers, and guests that have too many connections already."""

    noisy = False

    def __init__(self, wrapped: Site, documents: Documents) -> None:
        super().__init__(wrapped)
        self._documents = documents
        self.open: Counter[str] = Counter()

    def buildProtocol(self, addr: Any) -> ProtocolWrapper | None:  # type: ignore[override]
        """Twisted: a connection came; None closes it."""
        if self._documents(addr.host) is None or self.open[addr.host] >= AT_ONCE:
            return None
        return super().buildProtocol(addr)

    def registerProtocol(self, p: ProtocolWrapper) -> None:
        """Twisted: the connection is made."""
        super().registerProtocol(p)
        self.open[p.getPeer().host] += 1

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        """Twisted: the connection is lost."""
        super().unregisterProtocol(p)
        host = p.getPeer().host
        self.open[host] -= 1
        if self.open[host] <= 0:
            del self.open[host]


class _Answers(Resource):
    isLeaf = True

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents

    def render_GET(self, request: Request) -> bytes:
        documents = self._documents(request.getClientAddress().host)
        path = request.path.decode("utf-8", "replace")
        found = None if documents is None or len(path) > LONGEST_PATH else look_up(documents, path)
        if found is None:
            request.setResponseCode(404)
            return b""
        is_json = path.endswith(".json")
        kind = b"application/json" if is_json else b"text/plain; charset=utf-8"
        request.setHeader(b"content-type", kind)
        return found

    def render_PUT(self, request: Request) -> bytes:
        """EC2's second version wants a token first; it proves nothing here, so any will do."""
        if request.path.decode("utf-8", "replace").strip("/") != API_TOKEN:
            request.setResponseCode(405)
            return b""
        return secrets.token_hex(16).encode("ascii")


def look_up(documents: Mapping[str, bytes], path: str) -> bytes | None:
    """
    What is at a path: a file's content, or a folder's names, one a line, folders with a slash.

    Dated versions are the latest.  None when nothing is there.
    """
    parts = [part for part in path.split("/") if part]
    for place, part in enumerate(parts[:2]):
        if VERSION.fullmatch(part) and (place == 0 or parts[0] == "openstack"):
            parts[place] = LATEST
    name = "/".join(parts)
    if name in documents:
        return documents[name]
    folder = f"{name}/" if name else ""
    if folder and folder in documents:
        return documents[folder]
    inside = {each[len(folder) :] for each in documents if each.startswith(folder)}
    names = sorted({f"{each.split('/')[0]}/" if "/" in each else each for each in inside})
    if not names:
        return None
    if name == "openstack":
        names = [each.rstrip("/") for each in names]
    return "\n".join(names).encode("utf-8")
