"""
What a node offers to who may see a guest's consoles: tokens for the proxy on the same machine.

Each node has a secret of its own, so tokens of one open nothing on another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.internet.threads import deferToThread

from ganetid.console.tokens import Kind, ticket, token_of
from ganetid.hypervisor.interface import ConsolePlace
from synnefo_tx.daemon.private_files import secret_in


class ConsoleOffers:
    """
    Makes tokens for the consoles of guests on this node.

    secret_file: made when there is none; the proxy's settings name it too.
    """

    def __init__(self, secret_file: Path, node: str, now: Callable[[], float]) -> None:
        self._secret_file = secret_file
        self._node = node
        self._now = now
        self._secret: bytes | None = None

    async def of(self, instance: str, place: ConsolePlace) -> dict[str, str]:
        """A new token by kind, for each console that is a unix socket.  Raises OSError."""
        if self._secret is None:
            self._secret = (await deferToThread(secret_in, self._secret_file)).encode()
        places: dict[Kind, str | None] = {"vnc": place.vnc, "serial": place.serial}
        return {
            kind: token_of(self._secret, ticket(instance, kind, self._node, path, self._now()))
            for kind, path in places.items()
            if path is not None
        }
