"""
One socket that hears what guests ask the node, on all taps of a network namespace.

The kernel tells of each frame which interface it came from, so a guest can't pass for another by
anything that it writes; and the answer leaves by that tap alone.  A guest that asks too much is not
heard for some seconds: the kernel itself drops what comes from its tap, and others get their turn.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

SO_ATTACH_FILTER = 26
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
ETH_P_ALL = 3
SIOCGIFHWADDR, SIOCGIFINDEX, ETHERNET = 0x8927, 0x8933, 1
LONGEST = 2048
AT_ONCE = 64  # frames, before others get their turn
BUFFER_BYTES = 1024 * 1024
MOST_PER_S = 100  # frames of one interface
MUTED_S = 3.0
MOST_MUTED = 64

# What counts, as a classic BPF program: ARP requests; UDP to port 67 and, over IPv6, to 547; and
# router solicitations.  (code, jump if true, jump if false, value); see bpf(4), Linux's filter.txt.
_LOAD_HALF, _LOAD_BYTE, _LOAD_HALF_X, _HEAD_X = 0x28, 0x30, 0x48, 0xB1
_EQUAL, _ANY_BIT, _RETURN = 0x15, 0x45, 0x06
_LOAD_WORD, _INTERFACE = 0x20, 0xFFFFF008
FILTER = (
    (_LOAD_HALF, 0, 0, 12),
    (_EQUAL, 0, 2, 0x0806),
    (_LOAD_HALF, 0, 0, 20),
    (_EQUAL, 16, 17, 1),
    (_EQUAL, 0, 7, 0x0800),
    (_LOAD_BYTE, 0, 0, 23),
    (_EQUAL, 0, 14, 17),
    (_LOAD_HALF, 0, 0, 20),
    (_ANY_BIT, 12, 0, 0x1FFF),
    (_HEAD_X, 0, 0, 14),
    (_LOAD_HALF_X, 0, 0, 16),
    (_EQUAL, 8, 9, 67),
    (_EQUAL, 0, 8, 0x86DD),
    (_LOAD_BYTE, 0, 0, 20),
    (_EQUAL, 0, 2, 17),
    (_LOAD_HALF, 0, 0, 56),
    (_EQUAL, 3, 4, 547),
    (_EQUAL, 0, 3, 58),
    (_LOAD_BYTE, 0, 0, 54),
    (_EQUAL, 0, 1, 133),
    (_RETURN, 0, 0, 0xFFFF),
    (_RETURN, 0, 0, 0),
)


def open_packet_socket() -> socket.socket:
    """
    The socket, for all interfaces of the namespace that it is called in.  Raises OSError.

    What comes before the filter is attached is heard too, so the reader must bear anything.
    """
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    try:
        attach(opened)
        opened.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def attach(opened: socket.socket, muted: Collection[int] = ()) -> None:
    """From now on hear what `FILTER` says, but nothing of these interfaces, by their indexes."""
    silence = [(_LOAD_WORD, 0, 0, _INTERFACE)]
    for index in muted:
        silence += [(_EQUAL, 0, 1, index), (_RETURN, 0, 0, 0)]
    program = [*silence, *FILTER]
    code = b"".join(struct.pack("HBBI", *each) for each in program)
    kept = ctypes.create_string_buffer(code)
    header = struct.pack("HL", len(code) // 8, ctypes.addressof(kept))
    opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, header)


@implementer(IReadDescriptor)
class PacketReader:
    """Hands frames to `heard(interface, frame)` and sends what that returns back out there."""

    _log = Logger()

    def __init__(
        self, reactor: Any, opened: socket.socket, heard: Callable[[str, bytes], bytes | None]
    ) -> None:
        self._reactor = reactor
        self._socket = opened
        self._heard = heard
        self._second = 0
        self._counts: Counter[str] = Counter()
        self._muted: dict[int, Any] = {}
        reactor.addReader(self)

    def send(self, interface: str, frame: bytes) -> None:
        """Send a frame out of an interface; one that is gone or full loses it."""
        try:
            self._socket.sendto(frame, (interface, 0))
        except OSError as error:
            self._log.debug("{interface}: {error}", interface=interface, error=error)

    def mac_of(self, interface: str) -> str | None:
        """An Ethernet interface's own MAC address, None for one that is gone or has none."""
        asked = struct.pack("16s16x", interface.encode("ascii"))
        try:
            told = fcntl.ioctl(self._socket.fileno(), SIOCGIFHWADDR, asked)
        except OSError:
            return None
        kind = int.from_bytes(told[16:18], sys.byteorder)
        return ":".join(f"{byte:02x}" for byte in told[18:24]) if kind == ETHERNET else None

    def close(self) -> None:
        """Hear no more."""
        for call in self._muted.values():
            call.cancel()
        self._muted.clear()
        if self._socket.fileno() >= 0:
            self._reactor.removeReader(self)
            self._socket.close()

    def fileno(self) -> int:
        """Twisted: what to poll."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Twisted: our name in logs."""
        return "guests' questions"

    def doRead(self) -> None:
        """Twisted: frames came."""
        for _ in range(AT_ONCE):
            try:
                frame, place = self._socket.recvfrom(LONGEST)
            except BlockingIOError:
                return
            except OSError as error:  # such as of an interface that went down
                self._log.debug("{error}", error=error)
                return
            if self._is_too_much(place[0]):
                continue
            answer = self._heard(place[0], frame)
            if answer is not None:
                self.send(place[0], answer)

    def _is_too_much(self, interface: str) -> bool:
        second = int(self._reactor.seconds())
        if second != self._second:
            self._second = second
            self._counts.clear()
        self._counts[interface] += 1
        if self._counts[interface] == MOST_PER_S:
            self._mute(interface)
        return self._counts[interface] >= MOST_PER_S

    def _mute(self, interface: str) -> None:
        index = self._index_of(interface)
        if index is None or index in self._muted or len(self._muted) >= MOST_MUTED:
            return
        self._log.warn("{interface} asks too much and is not heard", interface=interface)
        self._muted[index] = self._reactor.callLater(MUTED_S, self._hear_again, index)
        attach(self._socket, self._muted)

    def _hear_again(self, index: int) -> None:
        del self._muted[index]
        attach(self._socket, self._muted)

    def _index_of(self, interface: str) -> int | None:
        asked = struct.pack("16s16x", interface.encode("ascii"))
        try:
            told = fcntl.ioctl(self._socket.fileno(), SIOCGIFINDEX, asked)
        except OSError:
            return None
        return int.from_bytes(told[16:20], sys.byteorder)

    def connectionLost(self, reason: Any) -> None:
        """Twisted: the reactor gives up on the socket, as when it stops."""
        self.close()
