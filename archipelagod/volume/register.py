"""
What volumes there are, and what their maps say of themselves.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from archipelagod.volume import journal
from archipelagod.volume.information import VolumeInfo
from archipelagod.volume.map_format import (
    BLOCK_BYTES,
    HEADER_BYTES,
    OBJECT_BYTES,
    DamagedMap,
    Header,
    decode_header,
)
from archipelagod.volume.names import checked_name
from archipelagod.volume.stored_map import MAPS
from archipelagod.wire.errors import NoSuchVolume, StorageUnavailable

if TYPE_CHECKING:
    from archipelagod.stores.store import Store


class Register:
    """
    Of the volumes of a store, as they are there.  Methods block, and may be called from any thread.
    All may raise OSError, BadRequest for a bad name.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def header(self, name: str) -> Header:
        """
        What a map says of itself.  Raises NoSuchVolume, StorageUnavailable.
        """
        try:
            return decode_header(self._store.records.get(MAPS, checked_name(name), HEADER_BYTES))
        except FileNotFoundError:
            raise NoSuchVolume(name) from None
        except DamagedMap as error:
            raise StorageUnavailable(f"{name}: {error}") from error

    def read(self, name: str) -> tuple[Header, bytes]:
        """
        A map's header, and its record whole.  Raises NoSuchVolume, StorageUnavailable.
        """
        try:
            record = self._store.records.get(MAPS, checked_name(name))
        except FileNotFoundError:
            raise NoSuchVolume(name) from None
        try:
            return decode_header(record), record
        except DamagedMap as error:
            raise StorageUnavailable(f"{name}: {error}") from error

    def info(self, name: str) -> VolumeInfo:
        """
        What is known of the volume; ``connections`` is 0.  Raises NoSuchVolume.
        """
        header = self.header(name)
        own = header.own_objects * OBJECT_BYTES + header.own_blocks * BLOCK_BYTES
        return VolumeInfo(
            name=name,
            size_bytes=header.size_bytes,
            read_only=header.is_read_only,
            own_bytes=own,
            connections=0,
            created_at=header.created_us / 1e6,
            protected=header.is_protected,
            shared_bytes=header.all_objects * OBJECT_BYTES - own,
            uid=header.uid,
            parent=header.parent,
        )

    def unsettled(self) -> list[str]:
        """
        Volumes whose last writer did not close them, or is at it.
        """
        traces = {int(name, 16) for name in self._store.records.names(journal.ROOM)}
        if not traces:
            return []
        found = []
        for name in self._store.records.names(MAPS):
            with contextlib.suppress(NoSuchVolume, StorageUnavailable):
                if self.header(name).uid in traces:
                    found.append(name)
        return found

    def list(self, marker: str, limit: int, prefix: str) -> list[VolumeInfo]:
        """
        At most ``limit`` volumes whose names begin with ``prefix``, after ``marker``, by name.
        """
        found: list[VolumeInfo] = []
        while len(found) < limit:
            names = self._store.records.names(MAPS, marker, limit - len(found), prefix)
            for name in names:
                with contextlib.suppress(NoSuchVolume):  # deleted since
                    found.append(self.info(name))
            if not names:
                break
            marker = names[-1]
        return found

    def is_there(self, name: str) -> bool:
        """
        Whether there is a volume of that name.
        """
        try:
            self._store.records.get(MAPS, name, 1)
        except FileNotFoundError:
            return False
        return True
