"""
Two records of the same calls, compared field by field.

What can't be the same twice (UUIDs, times, job ids, what the machine has) is compared by its
type.  Where ganetid differs on purpose, DIFFERENT says how and why.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAC = re.compile(r"aa:[0-9a-f]{2}(:[0-9a-f]{2}){4}")
# Paths whose values are compared by type, of every method:
LIVE = (
    "*.uuid", "*.ctime", "*.mtime", "*.serial_no", "*.reason", "*.*_ts", "*.depends",
    "*.dtotal", "*.dfree", "*.mtotal", "*.mnode", "*.mfree", "*.ctotal", "*.cnos", "*.cnodes",
    "*.csockets", "*.pip", "*.sip", "*.file_storage_dir", "*.shared_file_storage_dir",
    "*.gluster_storage_dir", "*.vcs_version", "*.master_netdev", "*.default_iallocator",
    "*.reason_trail.*.2", "*.network_port", "*.watermark",
    "*.secondary_ip", "*.log_entries.*.1", "*.jobs.*.1",
)  # fmt: skip


def differences(
    ours: list[dict[str, Any]],
    theirs: list[dict[str, Any]],
    allowed: Mapping[str, str],
    live: Mapping[int, tuple[str, ...]],
) -> list[list[str]]:
    """
    Of each call, what differs: one line each, nothing when all is the same.

    allowed: patterns ``method:path`` of differences on purpose, with their reasons.
    live: further paths compared by type, by the call's number.
    """
    found = []
    for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        patterns = LIVE + tuple(f"{each}" for each in live.get(number, ()))
        lines = [
            f"{path}: {text}"
            for path, text in _unequal(our, their, "", patterns)
            if not any(
                fnmatch.fnmatchcase(f"{our['method']}:{path}", pattern) for pattern in allowed
            )
        ]
        found.append(lines)
    return found


def _unequal(our: Any, their: Any, path: str, live: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(path, what differs)."""
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in live):
        if _kind(our) != _kind(their) and None not in (our, their):
            yield path, f"{our!r} instead of something like {their!r}"
    elif isinstance(our, dict) and isinstance(their, dict):
        yield from _unequal_objects(our, their, path, live)
    elif isinstance(our, list) and isinstance(their, list):
        if len(our) != len(their):
            yield path, f"{len(our)} instead of {len(their)} items: {our!r} for {their!r}"
            return
        for index, (mine, other) in enumerate(zip(our, their, strict=True)):
            yield from _unequal(mine, other, _joined(path, str(index)), live)
    elif _plain(our) != _plain(their):
        yield path, f"{our!r} instead of {their!r}"


def _unequal_objects(
    our: dict[str, Any], their: dict[str, Any], path: str, live: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for key in sorted(our.keys() | their.keys()):
        place = _joined(path, key)
        if key not in our:
            yield place, f"absent instead of {their[key]!r}"
        elif key not in their:
            yield place, f"{our[key]!r} where Ganeti has nothing"
        else:
            yield from _unequal(our[key], their[key], place, live)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _plain(value: Any) -> Any:
    """The value without what can't be the same twice."""
    if isinstance(value, str):
        return MAC.sub("<mac>", UUID.sub("<uuid>", value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
