"""
A volume in use by this daemon.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall

from archipelagod.datapath.handover import AnyHandover, BlockHandover, Handover
from archipelagod.datapath.interface import IServing
from archipelagod.datapath.link import Link

Owner = int | str | None


class Use:
    """
    What is known of a volume in use.  ``lock`` is held while it is opened or closed.
    """

    def __init__(self, reactor: Any) -> None:
        self.lock = DeferredLock()
        self.serving: IServing | None = None
        self.owners: Counter[Owner] = Counter()  # claims of each process
        self.connections = 0  # clients that are handed over
        self.allows_handover = False
        self.is_held = False
        self.link: Link | None = None  # the daemon's own
        self.borrows = 0  # long operations of the daemon
        self.calls = 0  # that use ``link`` now
        self.last_call_s = 0.0
        self.idle: IDelayedCall | None = None  # looks whether ``link`` is still used
        self._reactor = reactor
        self._waiting: list[Deferred[None]] = []

    @property
    def is_served(self) -> bool:
        """
        Whether there are clients, or some about to come.
        """
        return bool(self.owners)

    @property
    def is_busy(self) -> bool:
        """
        Whether it can't be closed now.
        """
        return self.is_served or self.borrows > 0

    @property
    def is_wanted(self) -> bool:
        """
        Whether the volume has to be open.
        """
        return self.is_busy or self.is_held or self.link is not None

    @property
    def is_read_only(self) -> bool:
        """
        Whether it is open, and any number of processes may use it.
        """
        return self.serving is not None and self.serving.is_read_only

    def may_join(self, owner: Owner) -> bool:
        """
        Whether a client of that process may come now.
        """
        if not self.owners or owner in self.owners or self.is_read_only:
            return True
        return self.allows_handover and len(self.owners) == 1

    @property
    def is_deserted(self) -> bool:
        """
        Whether the clients are of processes of this machine that are gone.
        """
        return all(
            isinstance(owner, int) and owner > 0 and not Path(f"/proc/{owner}").exists()
            for owner in self.owners
        )

    def join(self, owner: Owner) -> None:
        """
        One more claim of a process.
        """
        if self.owners and owner not in self.owners:
            self.allows_handover = False
        self.owners[owner] += 1

    def leave(self, owner: Owner) -> None:
        """
        One claim less.
        """
        self.owners[owner] -= 1
        if not self.owners[owner]:
            del self.owners[owner]
        if not self.owners:
            self.allows_handover = False
        self.tell()

    def drop_link(self) -> None:
        """
        The daemon itself does not use the volume any more.
        """
        link, self.link = self.link, None
        if link is not None:
            link.close()
        idle, self.idle = self.idle, None
        if idle is not None and idle.active():
            idle.cancel()

    def tell(self) -> None:
        """
        Something changed.
        """
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            if not deferred.called:
                deferred.callback(None)

    async def until(self, condition: Callable[[], bool], timeout_s: float | None) -> bool:
        """
        Whether the condition holds within that time.
        """
        deadline_s = None if timeout_s is None else self._reactor.seconds() + timeout_s
        while not condition():
            changed: Deferred[None] = Deferred()
            self._waiting.append(changed)
            if deadline_s is not None:
                left_s = deadline_s - self._reactor.seconds()
                if left_s <= 0:
                    return False
                changed.addTimeout(left_s, self._reactor)
            try:
                await changed
            except defer.TimeoutError:
                continue
        return True


class Attachment:
    """
    A client's claim on an open volume, until ``cancel``, or until the client is gone.
    """

    def __init__(self, use: Use, serving: IServing, owner: Owner, left: Callable[[], None]) -> None:
        self.size_bytes = serving.size_bytes
        self.is_read_only = serving.is_read_only
        self._use = use
        self._serving = serving
        self._owner = owner
        self._left = left
        use.join(owner)

    def serve_nbd(self, sock: socket.socket, handover: Handover) -> None:
        """
        Hands an NBD client over; ``sock`` is not ours any more.  Raises StorageUnavailable.
        """
        self._serve(sock, handover)

    def serve_block(self, sock: socket.socket, leftover: bytes) -> None:
        """
        Hands a client of the block protocol over, which sent ``leftover`` already; ``sock`` is not
        ours any more.  Raises StorageUnavailable.
        """
        self._serve(sock, BlockHandover(b"", leftover))

    def _serve(self, sock: socket.socket, handover: AnyHandover) -> None:
        try:
            self._serving.serve(sock, handover, self._gone)
        except BaseException:
            self.cancel()
            raise
        self._use.connections += 1

    def _gone(self) -> None:
        self._use.connections -= 1
        self.cancel()

    def cancel(self) -> None:
        """
        The client went away.
        """
        self._use.leave(self._owner)
        self._left()
