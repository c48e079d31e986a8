"""
Deleting the volumes that no image owns, and ending uploads whose process died.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.logger import Logger

from archipelagod.wire.errors import NoSuchVolume, StorageError
from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.image.rows import uploads
from synnefo_tx.store.database import Database

LEASE_S = 60.0  # an upload under way renews itself every quarter of it
_log = Logger()


async def sweep(
    database: Database, blocks: IBlocks, now: float, lease_s: float = LEASE_S
) -> list[str]:
    """
    Images of dead uploads go back to queued, volumes that nobody owns are deleted; gives the names
    of those that could not be.  Safe to run at any time, by several processes.

    now: seconds since the epoch.  lease_s: silence after which an upload counts as dead; 0 when no
    other process can be uploading.
    """
    now_us = int(now * 1_000_000)
    before_us = now_us - int(lease_s * 1_000_000)
    volumes = await database.write(uploads.give_up_dead, before_us, now_us)
    return await delete_loose(database, blocks, volumes)


async def delete_loose(database: Database, blocks: IBlocks, volumes: Iterable[str]) -> list[str]:
    """
    Delete volumes that are noted as loose.  Gives those that storage would not delete now; they
    stay noted.
    """
    left = []
    for volume in volumes:
        try:
            await blocks.delete(volume)
        except NoSuchVolume:
            pass  # never made, or deleted before a crash
        except StorageError as error:
            _log.warn("volume {volume} was not deleted: {error}", volume=volume, error=error)
            left.append(volume)
            continue
        await database.write(uploads.strike, volume)
    return left
