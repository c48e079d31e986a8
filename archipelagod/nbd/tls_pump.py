"""
Carries bytes between a TLS connection and a plain one.  Standard library only.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl

BUFFER_BYTES = 256 << 10  # each way; whoever fills it waits for the other side
CLOSING_TIMEOUT_S = 5.0


class _Way:
    """
    Bytes on their way in one direction.
    """

    def __init__(self) -> None:
        self.buffer = bytearray(BUFFER_BYTES)
        self.view = memoryview(self.buffer)
        self.start = self.end = 0
        self.is_ended = False  # nothing more comes

    @property
    def is_empty(self) -> bool:
        """
        Whether there is nothing to send.
        """
        return self.start == self.end

    @property
    def has_room(self) -> bool:
        """
        Whether to read more.
        """
        return not self.is_ended and self.end < BUFFER_BYTES

    def took(self, count: int) -> None:
        """
        So much was sent.
        """
        self.start += count
        if self.start == self.end:
            self.start = self.end = 0

    def got(self, count: int) -> None:
        """
        So much was received; nothing: the end.
        """
        self.end += count
        self.is_ended = not count


class Pump:
    """
    One connection, in one thread: ``run`` returns when both sides are done, or one broke.
    """

    def __init__(self, secure: ssl.SSLSocket, plain: socket.socket) -> None:
        self._secure = secure
        self._plain = plain
        self._inward = _Way()
        self._outward = _Way()
        self._wants_write = False  # TLS itself, in order to read
        secure.setblocking(False)
        plain.setblocking(False)

    def run(self) -> None:
        """
        Raises OSError when a side broke.
        """
        is_half_closed = False
        while not (self._outward.is_ended and self._outward.is_empty):
            if not (
                self._receive_secure()
                | self._send_plain()
                | self._receive_plain()
                | self._send_secure()
            ):
                self._wait()
            if self._inward.is_ended and self._inward.is_empty and not is_half_closed:
                is_half_closed = True
                self._plain.shutdown(socket.SHUT_WR)
        self._say_goodbye()

    def _wait(self) -> None:
        poll = select.poll()
        secure = select.POLLIN if self._inward.has_room else 0
        if not self._outward.is_empty or self._wants_write:
            secure |= select.POLLOUT
        plain = select.POLLIN if self._outward.has_room else 0
        if not self._inward.is_empty:
            plain |= select.POLLOUT
        if secure:
            poll.register(self._secure, secure)
        if plain:
            poll.register(self._plain, plain)
        # Who is to be told only the rest, and does not read it, is not waited for.
        timeout_s = CLOSING_TIMEOUT_S if self._outward.is_ended else None
        if not poll.poll(None if timeout_s is None else timeout_s * 1000):
            raise TimeoutError

    # Each of these returns whether it got on.

    def _receive_secure(self) -> bool:
        way = self._inward
        is_moved = False
        self._wants_write = False
        while way.has_room:
            try:
                count = self._secure.recv_into(way.view[way.end :])
            except ssl.SSLWantReadError:
                break
            except ssl.SSLWantWriteError:
                self._wants_write = True
                break
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                count = 0
            way.got(count)
            is_moved = True
        return is_moved

    def _send_plain(self) -> bool:
        return self._send(self._plain, self._inward)

    def _receive_plain(self) -> bool:
        way = self._outward
        if not way.has_room:
            return False
        try:
            way.got(self._plain.recv_into(way.view[way.end :]))
        except BlockingIOError:
            return False
        return True

    def _send_secure(self) -> bool:
        return self._send(self._secure, self._outward)

    def _send(self, sock: socket.socket, way: _Way) -> bool:
        is_moved = False
        while not way.is_empty:
            try:
                way.took(sock.send(way.view[way.start : way.end]))
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            is_moved = True
        return is_moved

    def _say_goodbye(self) -> None:
        """
        Tells the client that this is the end and no cut; it has little time to agree.
        """
        self._secure.settimeout(CLOSING_TIMEOUT_S)
        with contextlib.suppress(OSError):
            self._secure.unwrap()
