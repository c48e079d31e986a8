"""
Blocking calls of storage, away from the reactor.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from archipelagod.volume.map_format import DamagedMap
from archipelagod.wire.errors import NoSpace, StorageUnavailable

T = TypeVar("T")


class Threads:
    """
    Runs a blocking call in a thread, and tells its failure as StorageError.

    run: as ``deferToThreadPool`` with reactor and pool given.
    """

    def __init__(self, run: Callable[..., Deferred[Any]]) -> None:
        self._run = run

    async def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        try:
            result: T = await self._run(function, *arguments)
        except DamagedMap as error:
            raise StorageUnavailable(str(error)) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoSpace(str(error)) from error
            raise StorageUnavailable(str(error)) from error
        return result
