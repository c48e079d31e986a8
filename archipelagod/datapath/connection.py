"""
One client, once it sends requests: a blocking loop that takes many requests per ``recv`` and
answers them with few ``send``.  Standard library only.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING, Protocol

from archipelagod.datapath.exchange import Exchange
from archipelagod.datapath.inbox import Gone

if TYPE_CHECKING:
    from archipelagod.datapath.fast import FastLoop


class Requests(Protocol):
    """
    A protocol of clients.
    """

    def serve_batch(self) -> bool:
        """
        Performs requests that are wholly in the inbox, a batch of them at most; whether there may
        be more.  Raises Gone, OSError.
        """


class Connection:
    """
    Serves one client with ``run``, which closes the socket in the end.

    fast: what serves most requests unless there are limits.
    """

    def __init__(
        self,
        sock: socket.socket,
        exchange: Exchange,
        requests: Requests,
        fast: FastLoop | None = None,
    ) -> None:
        self._sock = sock
        self._exchange = exchange
        self._requests = requests
        self._fast = fast

    def run(self, farewell: bytes = b"") -> None:
        """
        Sends what negotiation left to say, serves what the client sent already, then what comes.
        """
        exchange = self._exchange
        try:
            if farewell:
                exchange.outbox.send(farewell)
            since = time.monotonic_ns()
            while True:
                if self._fast is not None and not exchange.has_limits:
                    self._fast.run(self._serve_batch)
                if not self._serve_batch(since):
                    self._receive()
                since = time.monotonic_ns()
        except Gone:
            exchange.wait_for_flushes()
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                exchange.replies.send()
            self.close()

    def _serve_batch(self, since: int) -> bool:
        exchange = self._exchange
        exchange.enter()
        try:
            has_more = self._requests.serve_batch()
        finally:
            exchange.leave()
        exchange.replies.send()
        if exchange.done:
            done, exchange.done = exchange.done, []
            exchange.counts.took(done, time.monotonic_ns() - since)
        return has_more

    def _receive(self) -> None:
        inbox = self._exchange.inbox
        if not inbox.receive():
            self._exchange.replies.shrink()
            inbox.receive_at_leisure()

    def close(self) -> None:
        """
        For when ``run`` was never called.
        """
        self._exchange.close()
        self._sock.close()

    def stop(self) -> None:
        """
        Makes ``run`` end after the request at hand, with its reply sent; any thread.
        """
        self._exchange.is_stopped = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def abort(self) -> None:
        """
        Makes ``run`` end even if the client does not read its replies; any thread.
        """
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
