"""
Consoles of guests: their kinds, and where a browser finds one.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.microversions import Version

# Nova's kind -> the kind of token that opens it.
_TOKENS = {"novnc": "vnc", "serial": "serial"}
_PROTOCOLS = ["vnc", "spice", "serial", "rdp"]
_TYPES = ["novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5"]


def remote_schema(version: Version) -> NovaSchema:
    """
    POST /servers/<id>/remote-consoles.
    """
    return _REMOTE_28 if version >= (2, 8) else _REMOTE_26


def _remote(protocols: list[str], types: list[str]) -> NovaSchema:
    properties = {
        "protocol": {"type": "string", "enum": protocols},
        "type": {"type": "string", "enum": types},
    }
    return NovaSchema(p.envelope("remote_console", properties, ("protocol", "type")))


_REMOTE_26 = _remote(_PROTOCOLS, _TYPES)
_REMOTE_28 = _remote([*_PROTOCOLS, "mks"], [*_TYPES, "webmks"])


def of_kind(name: str, *kinds: str) -> NovaSchema:
    """
    One of the actions by which consoles were asked for before 2.6.
    """
    return NovaSchema(
        p.envelope(name, {"type": {"type": "string", "enum": list(kinds)}}, ("type",))
    )


def url_of(kind: str, console_url: str | None, tokens: Mapping[str, str]) -> str:
    """
    Where the console is, once.  console_url: of the cluster's proxy.  Raises BadRequest for a kind
    that is not there.
    """
    token = tokens.get(_TOKENS.get(kind, ""))
    if token is None or console_url is None:
        raise BadRequest(f"Unavailable console type {kind}.")
    if kind == "novnc":
        # As noVNC's own page takes it: the path of its WebSocket, with what is in the token.
        return f"{console_url}/vnc_lite.html?path={quote(f'?token={token}', safe='')}"
    scheme, place, *_ = urlsplit(console_url)
    secure = {"https": "wss"}.get(scheme, "ws")
    return urlunsplit((secure, place, "/", f"token={token}", ""))
