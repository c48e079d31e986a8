"""
Where files of instances' disks may be: where the node's administrator allows it, nowhere else.

Source: Ganeti 3.0 file-storage-paths(5) and its errors.
"""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from ganetid.opcodes.errors import OpcodeError

FORBIDDEN = frozenset(
    ["/boot", "/dev", "/etc", "/home", "/proc", "/root", "/sys"]
    + [
        f"{prefix}/{name}"
        for prefix in ("", "/usr", "/usr/local")
        for name in ("bin", "lib", "lib32", "lib64", "sbin")
    ]
)


class FileStoragePathError(OpcodeError):
    """A path that disks must not be at."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


@frozen
class StoragePaths:
    """
    The paths in a file like Ganeti's /etc/ganeti/file-storage-paths.

    It is read each time, so that the administrator's word counts at once.
    """

    file: Path

    def check(self, path: Path) -> None:
        """
        Raise FileStoragePathError unless `path` is below an allowed one.  Blocks.

        Symbolic links count as what they lead to.
        """
        allowed = _allowed_in(self.file)
        if not allowed:
            raise FileStoragePathError(
                f"No paths are valid or path file '{self.file}' was not accessible."
            )
        if not path.is_absolute():
            raise FileStoragePathError(f"File storage path must be absolute, got '{path}'")
        real = Path(os.path.realpath(path))
        if any(_is_in(place, Path(bad)) for place in (path, real) for bad in FORBIDDEN):
            raise FileStoragePathError(f"Path '{path}' uses a forbidden prefix")
        if not any(_is_below(real, each) for each in allowed):
            raise FileStoragePathError(f"Path '{path}' is not acceptable for file storage")


def _allowed_in(file: Path) -> list[Path]:
    """The absolute paths in the file, none when it can't be read."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    words = [line.strip() for line in lines]
    return [Path(os.path.realpath(word)) for word in words if word.startswith("/") and word != "/"]


def _is_in(path: Path, parent: Path) -> bool:
    normal = Path(os.path.normpath(path))
    return normal == parent or parent in normal.parents


def _is_below(path: Path, parent: Path) -> bool:
    return path != parent and parent in path.parents
