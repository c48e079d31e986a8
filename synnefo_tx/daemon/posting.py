"""
Posts to addresses of others, within a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import treq
from twisted.web.http_headers import Headers

# (address, body, headers) -> status of the answer.  Raises anything.
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]


def poster(agent: Any, patience_s: float) -> Post:
    """
    Posts through a Twisted Agent.  Nobody is redirected, and what is answered is not read.
    """

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        response = await treq.request(
            "POST",
            url,
            data=body,
            headers=Headers({name: [value] for name, value in headers.items()}),
            agent=agent,
            timeout=patience_s,
            allow_redirects=False,
            unbuffered=True,
        )
        response.original.deliverBody(_Unread())
        return int(response.code)

    return post


class _Unread:
    """
    A body that nobody wants: its connection ends at once, since whoever sends it could keep it open
    for as long as he likes.
    """

    def makeConnection(self, transport: Any) -> None:
        """
        Twisted: the body begins.
        """
        transport.stopProducing()

    def dataReceived(self, data: bytes) -> None:
        """
        Twisted: a part of it.
        """

    def connectionLost(self, reason: Any) -> None:
        """
        Twisted: it is over.
        """
