"""
One listening socket for several processes (ADR 21).
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.tcp import Port

BACKLOG = 511


def listening_socket(host: str, port: int) -> socket.socket:
    """
    A socket that accepts for `host`.  Raises OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


class SharedPort(Port):
    """
    Takes one connection at a time, so that those who have less to do take more: a Port takes all
    that wait.
    """

    numberAccepts = property(lambda _: 1, lambda _, __: None)  # a Port would count it up

    @classmethod
    def adopt(cls, reactor: Any, descriptor: int, factory: Any) -> SharedPort:
        """
        Accept from the listening socket `descriptor`.  Its family is its own.
        """
        with socket.socket(fileno=socket.dup(descriptor)) as ours:
            family = ours.family
        port: SharedPort = cls._fromListeningDescriptor(reactor, descriptor, family, factory)
        port.startListening()
        return port
