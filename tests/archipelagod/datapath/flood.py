"""
A client that reads as fast as it can: ``python -m tests.archipelagod.datapath.flood SOCKET EXPORT
CONNECTIONS DEPTH BYTES``.  Says "floods" when all connections do, then, for every line that it is
sent, how many reads were answered.
"""

from __future__ import annotations

import itertools
import sys
import threading

from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST
from tests.chaos.nbd_connection import NbdConnection

VOLUME_BYTES = 4 << 20


class Flood(threading.Thread):
    """
    One connection, which always has ``depth`` reads on the way.
    """

    def __init__(self, path: str, export: str, depth: int, size: int) -> None:
        super().__init__(daemon=True)
        self.answered = 0
        self._sock = NbdConnection(path, export)._sock
        self._size = size
        offsets = itertools.islice(itertools.cycle(range(0, VOLUME_BYTES, size)), depth)
        self._batch = b"".join(
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_READ, 0, offset, size) for offset in offsets
        )
        self._request = self._batch[: REQUEST.size]

    def run(self) -> None:
        """See Thread."""
        answer, have = 16 + self._size, 0
        room = bytearray(1 << 20)
        self._sock.sendall(self._batch)
        while True:
            have += self._sock.recv_into(room)
            count, have = divmod(have, answer)
            self.answered += count
            self._sock.sendall(self._request * count)


def main(path: str, export: str, connections: str, depth: str, size: str) -> None:
    """
    Until the standard input ends.
    """
    floods = [Flood(path, export, int(depth), int(size)) for _ in range(int(connections))]
    for each in floods:
        each.start()
    print("floods", flush=True)
    for _ in sys.stdin:
        print(sum(each.answered for each in floods), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
