"""
Headers of a request as text.
"""

from __future__ import annotations

from twisted.web.http import Request


def header(request: Request, name: bytes) -> str:
    """The header, "" without it; what is no UTF-8 is replaced, for a client may send anything."""
    return (request.getHeader(name) or b"").decode("utf-8", "replace")
