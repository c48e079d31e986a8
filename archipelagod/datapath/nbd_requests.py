"""
Requests of NBD clients as they come.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator

from archipelagod.datapath.answers import Answers
from archipelagod.datapath.exchange import BATCH_BYTES, BATCH_REQUESTS, Exchange
from archipelagod.datapath.handover import Handover
from archipelagod.datapath.inbox import IN_BYTES, Gone
from archipelagod.datapath.replies import OUT_BYTES
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST, REQUEST_BYTES


class NbdRequests:
    """
    See Requests.
    """

    def __init__(self, exchange: Exchange, handover: Handover) -> None:
        self._exchange = exchange
        self._inbox = exchange.inbox
        self._answers = Answers(exchange, handover)
        exchange.upcoming = self._upcoming
        exchange.refusal = self._answers.refusal

    def serve_batch(self) -> bool:
        """See Requests."""
        inbox, perform = self._inbox, self._answers.perform
        unpack_from, view = REQUEST.unpack_from, inbox.view
        replies = self._exchange.replies
        requests, amount = BATCH_REQUESTS, BATCH_BYTES
        while inbox.end - inbox.start >= REQUEST_BYTES:
            if not requests or amount < 0:
                return True
            requests -= 1
            if replies.size >= OUT_BYTES:
                self._exchange.send()
            magic, flags, kind, cookie, offset, size = unpack_from(view, inbox.start)
            if magic != n.REQUEST_MAGIC or kind == n.CMD_DISC:
                raise Gone
            if kind == n.CMD_WRITE:
                payload = self._payload(size)
                if payload is None:
                    return False
                self._answers.write(flags, cookie, offset, payload)
                amount -= size
            else:
                inbox.start += REQUEST_BYTES
                perform(flags, kind, cookie, offset, size)
                if kind == n.CMD_READ:
                    amount -= size
        return False

    def _payload(self, size: int) -> memoryview | None:
        """
        The payload of the WRITE in the inbox, which is over then; None when it is not all there.
        """
        if size > n.MAX_PAYLOAD:
            raise Gone  # nobody can be made to read that far to answer
        inbox = self._inbox
        start = inbox.start + REQUEST_BYTES
        if inbox.end - start >= size:
            inbox.start = start + size
            return inbox.view[start : inbox.start]
        if REQUEST_BYTES + size <= IN_BYTES:
            return None
        inbox.start = start
        return self._exchange.payload(size)

    def _upcoming(self) -> Iterator[tuple[int, int]]:
        inbox = self._inbox
        at = inbox.start
        while inbox.end - at >= REQUEST_BYTES:
            magic, _, kind, _, offset, size = REQUEST.unpack_from(inbox.view, at)
            if magic != n.REQUEST_MAGIC:
                return
            at += REQUEST_BYTES + (size if kind == n.CMD_WRITE else 0)
            if kind == n.CMD_READ and size <= n.MAX_PAYLOAD:
                yield offset, size
