"""
What serves NBD clients of open volumes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from zope.interface import Attribute, Interface

from archipelagod.datapath.handover import Handover


class IServing(Interface):
    """
    An open volume that serves clients.
    """

    size_bytes: int = Attribute("size of the volume")
    is_read_only: bool = Attribute("whether it refuses writes")
    connections: int = Attribute("clients handed over and not known to be gone")

    def serve(sock: socket.socket, handover: Handover) -> None:
        """
        Takes over a client; ``sock`` is not ours any more.  Raises StorageUnavailable.
        """

    async def close() -> None:
        """
        Ends the clients and closes the volume; returns when another may open it.

        Raises StorageError when something that clients wrote may not be on stable storage.
        """


class IDatapath(Interface):
    """
    Opens volumes to serve them.
    """

    async def open(name: str, session: int, changed: Callable[[], None]) -> IServing:
        """
        Opens the volume ``name`` with a fresh session number.

        changed: called in the reactor's thread when ``connections`` went down.
        Raises NoSuchVolume, StorageUnavailable.
        """
