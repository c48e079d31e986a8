"""
What goes to one client, from the thread that reads its requests and from the flusher.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archipelagod.datapath._fast import SendLock


class Outbox:
    """
    Sends whole replies on a blocking socket; two threads never mix theirs.

    sending: held by whoever sends, who then calls ``deliver``.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sending: threading.Lock | SendLock = threading.Lock()
        self._sock = sock
        self._posted: deque[bytes] = deque()

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """
        Returns when the kernel has all of ``data``.  Raises OSError when the client is gone.
        """
        with self.sending:
            if self._posted:
                self._send_posted()  # one of them may be half sent
            self._sock.sendall(data)
        if self._posted:
            self.deliver()

    def send_file(self, head: memoryview, fd: int, offset: int, size: int) -> None:
        """
        As ``send`` for ``head`` and then so many bytes of a file, which is that long at least.
        """
        with self.sending:
            self._send_posted()
            self._sock.sendall(head, socket.MSG_MORE)
            end = offset + size
            while offset < end:
                sent = os.sendfile(self._sock.fileno(), fd, offset, end - offset)
                if not sent:
                    raise OSError(errno.EIO, "a file became shorter while it was sent")
                offset += sent
        if self._posted:
            self.deliver()

    def post(self, data: bytes) -> None:
        """
        Sends soon, and never waits: a client that does not read can't hold up the flusher.
        """
        self._posted.append(data)
        self.deliver()

    def deliver(self) -> None:
        """
        Sends what is posted, unless someone is sending: whoever does calls this afterwards.
        """
        while self._posted and self.sending.acquire(blocking=False):
            try:
                is_stuck = not self._send_what_fits()
            finally:
                self.sending.release()
            if is_stuck:
                threading.Thread(target=self._wait_and_send, daemon=True).start()
                return

    def _send_what_fits(self) -> bool:
        while self._posted:
            data = self._posted.popleft()
            try:
                sent = self._sock.send(data, socket.MSG_DONTWAIT)
            except BlockingIOError:
                sent = 0
            except OSError:
                continue  # the client is gone; its reader notices too
            if sent < len(data):
                self._posted.appendleft(data[sent:])
                return False
        return True

    def _send_posted(self) -> None:
        while self._posted:
            self._sock.sendall(self._posted.popleft())

    def _wait_and_send(self) -> None:
        with contextlib.suppress(OSError):
            with self.sending:
                self._send_posted()
            self.deliver()
