"""
Names of plug-ins (hooks, providers of storage, operating systems), and where their files are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

PLAIN = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)  # Ganeti's EXT_PLUGIN_MASK: no dot, no slash


def is_plain(name: str) -> bool:
    """Whether a plug-in may have this name.  None of these names leads out of a directory."""
    return PLAIN.fullmatch(name) is not None


def directory_of(name: str, search_path: Iterable[Path]) -> Path | None:
    """The first directory of this name in the search path.  Blocks: call it in a thread."""
    if not is_plain(name):
        return None
    for place in search_path:
        found = place / name
        if found.is_dir():
            return found
    return None


def names_in(search_path: Iterable[Path]) -> list[str]:
    """Names of all plug-ins in the search path, sorted.  Blocks: call it in a thread."""
    found: set[str] = set()
    for place in search_path:
        try:
            found |= {each.name for each in place.iterdir() if is_plain(each.name)}
        except OSError:
            continue
    return sorted(found)
