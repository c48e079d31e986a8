"""
Which of the node's processors a guest's processors may use: Ganeti's cpu_mask.

"all"; "0-2,5" for all of the guest's processors; "0:1:2-3" for each its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ganetid.hypervisor.guest_run import GuestRun
from ganetid.opcodes.errors import HypervisorError

ALL = "all"


def masks(text: str, count: int) -> list[frozenset[int] | None]:
    """
    For each of `count` processors those that it may use, None for all.

    Raises ValueError for masks of another number of processors.
    """
    parts = [_mask(part) for part in text.split(":")]
    if len(parts) == 1:
        return parts * count
    if len(parts) != count:
        raise ValueError(f"Number of CPU masks ({len(parts)}) does not match vcpus ({count})")
    return parts


async def pin(run: GuestRun, text: str) -> None:
    """Let the guest's processors run only where they may.  Raises HypervisorError."""
    if text == ALL:
        return
    threads: Sequence[int] = [each["thread-id"] for each in await run.ask("query-cpus-fast")]
    try:
        for thread, mask in zip(threads, masks(text, len(threads)), strict=True):
            if mask is not None:
                os.sched_setaffinity(thread, mask)
    except (OSError, ValueError) as error:
        raise HypervisorError(f"Instance {run.name}, cpu_mask {text}: {error}") from error


def _mask(text: str) -> frozenset[int] | None:
    if text == ALL:
        return None
    found: set[int] = set()
    for part in text.split(","):
        if part == ALL:
            return None
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)
