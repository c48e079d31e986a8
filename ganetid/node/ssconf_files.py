"""
Files of a node that programs of others read: ``ssconf_<name>`` in its state directory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PREFIX = "ssconf_"
MODE = 0o444  # as Ganeti's: for everybody who may enter the directory


def write_files(directory: Path, values: Mapping[str, str]) -> None:
    """Each file is replaced as a whole.  Blocks.  Raises OSError."""
    for name, value in values.items():
        path = directory / f"{PREFIX}{name}"
        partial = path.with_name(f".{path.name}.partial")
        partial.unlink(missing_ok=True)
        partial.write_text(f"{value}\n" if value else "", "utf-8")
        partial.chmod(MODE)
        partial.replace(path)


def remove_others(directory: Path, names: frozenset[str]) -> None:
    """Remove files of names that there are no more.  Blocks."""
    for path in directory.glob(f"{PREFIX}*"):
        if path.name.removeprefix(PREFIX) not in names:
            path.unlink(missing_ok=True)
