"""
Where a run keeps its data, and what it does to the page cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
NEEDED_BYTES = 12 << 30


class NoPlace(Exception):
    """
    There is no directory on a real file system with room.
    """


@contextlib.contextmanager
def workplace(wanted: str | None) -> Iterator[Path]:
    """
    A directory on a real file system, gone afterwards.  Its path is short: sockets lie in it.

    Raises NoPlace.
    """
    build = CHECKOUT / "build"
    places = [Path(wanted)] if wanted else [Path(tempfile.gettempdir()), Path("/var/tmp"), build]
    for place in places:
        place.mkdir(exist_ok=True)
        if file_system(place) not in ("tmpfs", "ramfs") and room(place) >= NEEDED_BYTES:
            break
    else:
        raise NoPlace(f"no 12 GiB on a disk below any of {', '.join(map(str, places))}")
    path = Path(tempfile.mkdtemp(prefix="bb", dir=place))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def file_system(path: Path) -> str:
    """
    Kind of the file system at ``path``, as stat(1) names it.
    """
    return subprocess.check_output(["stat", "-f", "-c", "%T", str(path)], text=True).strip()


def room(path: Path) -> int:
    """
    Bytes that may still be written below ``path``.
    """
    about = os.statvfs(path)
    return about.f_bavail * about.f_frsize


def settle(roots: list[Path]) -> None:
    """
    Writes back what is dirty below ``roots``, so that it disturbs no measurement that follows.
    """
    for path in files(roots):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            os.fdatasync(file.fileno())


def chill(roots: list[Path]) -> None:
    """
    Puts the files below ``roots`` out of the page cache.
    """
    settle(roots)
    for path in files(roots):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(roots: list[Path]) -> None:
    """
    Reads the files below ``roots`` into the page cache, as random reads would: page by page.

    What was written or read ahead in large pieces lies in large folios, and there the kernel takes
    50 us to write 4 KiB (ext4, Linux 6.18), which hides what servers do.
    """
    chill(roots)
    buffer = bytearray(1 << 20)
    for path in files(roots):
        with contextlib.suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            while file.readinto(buffer):
                pass


def files(roots: list[Path]) -> Iterator[Path]:
    """
    Every file below ``roots``; a root may be a file.
    """
    for root in roots:
        if root.is_file():
            yield root
        for directory, _, names in os.walk(root):
            for name in names:
                path = Path(directory) / name
                if path.is_file():
                    yield path
