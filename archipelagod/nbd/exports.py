"""
Volumes as NBD's exports: answers to what a negotiation asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from archipelagod.custody import Attachment
from archipelagod.nbd import numbers as n
from archipelagod.nbd.options import Export, Listed
from archipelagod.nbd.questions import Refusal, Wanted
from archipelagod.volumes import Volumes
from archipelagod.wire.errors import BadRequest, NoSuchVolume, StorageError, VolumeBusy

PAGE = 500  # exports at a time

_REFUSALS: dict[type[StorageError], int] = {
    NoSuchVolume: n.REP_ERR_UNKNOWN,
    BadRequest: n.REP_ERR_UNKNOWN,
    VolumeBusy: n.REP_ERR_POLICY,
}


def refusal(error: StorageError) -> Refusal:
    """
    How NBD says it.
    """
    return Refusal(_REFUSALS.get(type(error), n.REP_ERR_SHUTDOWN), str(error))


class Exports:
    """
    default: the volume that is meant by the empty name; "" for none.
    """

    def __init__(self, volumes: Volumes, default: str) -> None:
        self._volumes = volumes
        self._default = default

    async def page(self, marker: str) -> Sequence[Listed]:
        """
        Some exports after ``marker``; none at the end.  Raises StorageError.
        """
        found = await self._volumes.list(marker, PAGE, "")
        return [Listed(info.name, info.read_only) for info in found]

    async def known(self, wanted: Wanted) -> Export:
        """
        What is to be told of an export.  Raises StorageError.
        """
        info = await self._volumes.info(self._name(wanted))
        return Export(info.name, info.size_bytes, info.read_only)

    async def opened(self, wanted: Wanted, owner: int | None) -> tuple[Export, Attachment]:
        """
        An export, opened for the client ``owner``.  Raises StorageError.
        """
        name = self._name(wanted)
        attachment = await self._volumes.attach(name, owner)
        return Export(name, attachment.size_bytes, attachment.is_read_only), attachment

    def _name(self, wanted: Wanted) -> str:
        if not wanted.name and not self._default:
            raise NoSuchVolume("there is no default export")
        return wanted.name or self._default
