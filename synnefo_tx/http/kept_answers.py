"""
Answers that are given again, in front of all routing, while nothing has changed.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Any

from attrs import frozen
from twisted.web.http import datetimeToString
from twisted.web.server import version

from synnefo_tx.http.reply import Reply

LONGEST_S = 1.0
MOST_KEPT = 20_000


@frozen
class _Kept:
    """
    head: of the answer, without what each has of its own.
    """

    mark: Hashable
    until: float
    head: bytes
    body: bytes


class KeptAnswers:
    """
    Successful answers to one GET, by its line, host and tokens; tokens are kept as digests only.

    mark: what they depend on, as one value; None: not known now.  An answer is given again while
    the mark is the one of before its making, and for LONGEST_S at most: as long as another
    process's change may take to be learnt.  clock: seconds.
    """

    def __init__(
        self, mark: Callable[[], Hashable | None], clock: Callable[[], float], header: bytes
    ) -> None:
        """
        header: of the request, beside X-Auth-Token, Host and the line, that the answer depends on.
        """
        self.mark = mark
        self._clock = clock
        self._header = header
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def keep(self, request: Any, reply: Reply, mark: Hashable | None, until: float) -> None:
        """
        mark: from before the reply was made; None keeps nothing.  until: seconds, the latest.
        """
        if mark is None or self.mark() != mark or request.method != b"GET":
            return
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nVary: X-Auth-Token\r\n"
            b"Server: %b\r\nContent-Length: %d\r\n" % (version, len(reply.body))
        )
        for name, value in reply.headers:
            head += b"%b: %b\r\n" % (name.encode("ascii"), value.encode("ascii"))
        until = min(until, self._clock() + LONGEST_S)
        self._kept[self._key(request)] = _Kept(mark, until, head, reply.body)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def answer(self, request: Any) -> bool:
        """
        Whether the request has its answer now.
        """
        if request.method != b"GET" or not request.channel.persistent:
            return False
        key = self._key(request)
        kept = self._kept.get(key)
        if kept is None:
            return False
        if kept.mark != self.mark() or self._clock() >= kept.until:
            del self._kept[key]
            return False
        # Past the request's own headers: to put them together takes longer than all else.
        request.startedWriting = 1
        request.code = 200
        request.channel.write(
            b"%bDate: %b\r\nX-Openstack-Request-Id: req-%b\r\n\r\n%b"
            % (kept.head, datetimeToString(), str(uuid.uuid4()).encode(), kept.body)
        )
        request.finish()
        return True

    def _key(self, request: Any) -> bytes:
        told = request.requestHeaders
        names = (b"x-auth-token", b"host", self._header)
        parts = [request.uri]
        for name in names:
            parts += told.getRawHeaders(name) or [b""]
            parts.append(b"\n")  # no header holds one
        return blake2b(b"\0".join(parts), digest_size=32).digest()
