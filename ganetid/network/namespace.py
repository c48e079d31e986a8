"""
Work inside another network namespace: in a thread of its own, which ends with the work.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
SO_BINDTODEVICE = 25
NAMESPACES = Path("/run/netns")


def within(reactor: Any, namespace: str | None, work: Callable[[], T]) -> Deferred[T]:
    """
    The result of ``work()``, called in a new thread that has entered the namespace.

    None: our own.  The thread is never used again, so nothing else ends up in there.
    """
    answer: Deferred[T] = Deferred()

    def enter_and_work() -> None:
        try:
            if namespace is not None:
                _enter(namespace)
            result = work()
        except BaseException:  # noqa: BLE001  # handed on whole to whoever waits
            reactor.callFromThread(answer.errback, Failure())
        else:
            reactor.callFromThread(answer.callback, result)

    threading.Thread(target=enter_and_work, name="netns", daemon=True).start()
    return answer


def open_dhcp_socket(bridge: str) -> socket.socket:
    """
    A UDP socket on port 67 of one bridge, for all addresses.

    Call it within the bridge's namespace.  Raises OSError.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, bridge.encode("ascii") + b"\0")
        opened.setblocking(False)
        opened.bind(("0.0.0.0", 67))
    except OSError:
        opened.close()
        raise
    return opened


def let_forward() -> None:
    """Let the kernel route IPv4 between interfaces of this namespace.  Raises OSError."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n", encoding="ascii")


def _enter(namespace: str) -> None:
    handle = os.open(NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns {namespace}: {os.strerror(number)}")
    finally:
        os.close(handle)
