"""
Directories that are there after a power cut.  Standard library only.
"""

from __future__ import annotations

import contextlib
import os


def sync_directory(path: str) -> None:
    """
    Returns when the names in the directory are on stable storage.  Raises OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: str) -> None:
    """
    The directory and what is missing above it, 0700, on stable storage.  Raises OSError.
    """
    missing = []
    while path and not os.path.isdir(path):  # noqa: PTH112 - pathlib costs the worker start time
        missing.append(path)
        path = os.path.dirname(path)  # noqa: PTH120
    for made in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(made, 0o700)  # noqa: PTH102
        sync_directory(os.path.dirname(made) or ".")  # noqa: PTH120
