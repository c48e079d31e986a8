"""
What serves the clients of open volumes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from zope.interface import Attribute, Interface

from archipelagod.datapath.handover import AnyHandover
from archipelagod.volume.freezing import NewMap
from archipelagod.volume.volume import Usage
from archipelagod.wire.values import Limits


class IServing(Interface):
    """
    An open volume that serves clients.  Methods that wait raise StorageError and its kinds,
    StorageUnavailable when the worker died.
    """

    size_bytes: int = Attribute("size of the volume")
    is_read_only: bool = Attribute("whether it refuses writes for ever")
    is_standby: bool = Attribute("whether another daemon has it, and is about to hand it over")
    connections: int = Attribute("clients handed over and not known to be gone")

    def serve(sock: socket.socket, handover: AnyHandover, gone: Callable[[], None]) -> None:
        """
        Takes over a client; ``sock`` is not ours any more.

        gone: called once in the reactor's thread when the client is gone.  Raises
        StorageUnavailable; ``gone`` is not called then.
        """

    async def snapshot(new: NewMap) -> None:
        """
        See freezing.snapshot.
        """

    async def resize(size_bytes: int) -> None:
        """
        See Volume.resize.
        """

    async def mapping(offset: int, size: int) -> list[tuple[int, int, str]]:
        """
        See Volume.mapping; what comes after many extents may be left out.
        """

    async def own(offset: int, size: int) -> None:
        """
        See Volume.own.
        """

    async def usage() -> Usage:
        """
        See Volume.usage.
        """

    async def set_limits(limits: Limits) -> None:
        """
        Limits all clients together, from now on.
        """

    async def statistics() -> dict[str, Any]:
        """
        See VolumeServer.statistics.
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

    async def open(
        name: str, session: int, lost: Callable[[], None], may_stand_by: bool = False
    ) -> IServing:
        """
        Opens the volume ``name`` with a fresh session number.

        may_stand_by: if another daemon has it, serve it as it was last known, for reading only.

        lost: called in the reactor's thread when the volume is not served any more though nobody
        closed it.  Raises NoSuchVolume, VolumeBusy, StorageUnavailable.
        """

    async def close() -> None:
        """
        Lets go of everything, once every volume is closed.
        """
