"""
Where browsers may be sent, with which answer.

Source: RFC 6749 3.1.2, RFC 8252 7, RFC 9700 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LONGEST = 2000


def why_refused(uri: str, public: bool) -> str | None:
    """
    Why a client can't be registered with this URI; None: it can.

    Beside https, there is http to the user's own machine, and a native application's own scheme,
    which has a dot.
    """
    if len(uri) > LONGEST or any(
        not 0x20 < ord(one) < 0x7F or one in '<>"\\^`{|};,' for one in uri
    ):
        return "it is too long, or has characters that no URI has unescaped"
    try:
        parts = urlsplit(uri)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "it is no URI"
    if "#" in uri or "*" in uri:
        return "it has a fragment or a wildcard"
    if parts.username is not None or "@" in parts.netloc:
        return "it has a user's name"
    if parts.scheme == "https":
        return None if host else "it names no host"
    if parts.scheme == "http":
        return None if host in LOOPBACK else "http is for the user's own machine alone"
    if "." in parts.scheme:
        return None if public else "a scheme of one's own is for public clients"
    return "its scheme is neither https nor one's own"


def answered(redirect_uri: str, told: Mapping[str, str | None]) -> str:
    """
    The URI with an answer in its query, which stays as it is before that.
    """
    query = urlencode({name: value for name, value in told.items() if value is not None})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"


def source_of(redirect_uri: str) -> str:
    """
    How a content security policy names where the URI leads.
    """
    parts = urlsplit(redirect_uri)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
