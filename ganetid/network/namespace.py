"""
Work inside another network namespace: in a thread of its own, which ends with the work.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
IP_FREEBIND = 15
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


def open_service_socket(address: str, port: int) -> socket.socket:
    """
    A listening TCP socket at an address that need not be there yet.

    Call it within the namespace.  Raises OSError.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        opened.setblocking(False)
        opened.bind((address, port))
        opened.listen(128)
    except OSError:
        opened.close()
        raise
    return opened


def set_kernel(values: Mapping[str, str]) -> None:
    """
    Set kernel parameters of this namespace, by path below /proc/sys.

    One that is so already is not written, as some hosts let nobody write; those of IPv6 are left
    where there is no IPv6.  Raises OSError.
    """
    for name, value in values.items():
        path = Path("/proc/sys") / name
        if name.startswith("net/ipv6/") and not path.exists():
            continue
        if path.read_text(encoding="ascii").strip() != value:
            path.write_text(f"{value}\n", encoding="ascii")


def forward_ipv6() -> None:
    """
    Let the kernel of this namespace route IPv6.  Raises OSError.

    Interfaces that take their own address and routes from routers go on to do so: Linux stops it
    when it becomes a router, unless it is told twice.
    """
    conf = Path("/proc/sys/net/ipv6/conf")
    if (conf / "all/forwarding").read_text(encoding="ascii").strip() == "1":
        return
    for path in conf.glob("*/accept_ra"):
        if path.parent.name not in {"all", "default"} and path.read_text().strip() == "1":
            path.write_text("2\n", encoding="ascii")
    (conf / "all/forwarding").write_text("1\n", encoding="ascii")


def _enter(namespace: str) -> None:
    handle = os.open(NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns {namespace}: {os.strerror(number)}")
    finally:
        os.close(handle)
