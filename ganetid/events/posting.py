"""
Posts to addresses of others, within a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import treq
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

PATIENCE_S = 15.0
MOST_READ = 64 * 1024


def poster(reactor: Any) -> Any:
    """A webhooks.Post; certificates are checked against those the system trusts."""
    agent = Agent(reactor, connectTimeout=PATIENCE_S)

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        response = await treq.request(
            "POST",
            url,
            data=body,
            headers=Headers({name: [value] for name, value in headers.items()}),
            agent=agent,
            timeout=PATIENCE_S,
            allow_redirects=False,
            unbuffered=True,
        )
        response.original.deliverBody(_Unread())
        return int(response.code)

    return post


class _Unread:
    """A body that nobody wants; one that is too long ends the connection."""

    transport: Any = None

    def __init__(self) -> None:
        self._size = 0

    def makeConnection(self, transport: Any) -> None:
        """Twisted: the body begins."""
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        """Twisted: a part of it."""
        self._size += len(data)
        if self._size > MOST_READ:
            self.transport.stopProducing()

    def connectionLost(self, reason: Any) -> None:
        """Twisted: it is over."""
