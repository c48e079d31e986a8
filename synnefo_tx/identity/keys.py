"""
The keys that seal tokens: files in a directory that every API worker of the cloud shares.

Files are named by number, as Keystone does it.  The highest seals; all open; 0 is the next one,
known everywhere before it seals for the first time.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

STAGED = 0


class UnsafeKey(Exception):
    """
    A key file that is broken, or that others may read.
    """


def load_or_create_keys(directory: Path | str) -> list[bytes]:
    """
    The keys, the sealing one first.  Makes the directory (0700) and two keys (0600) when absent.

    Safe when several processes start at once.  Raises UnsafeKey.
    """
    folder = Path(directory)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in (STAGED, STAGED + 1):
        if number == STAGED or not any(n > STAGED for n in _numbers(folder)):
            _create(folder, number)
    return read_keys(folder)


def read_keys(directory: Path | str) -> list[bytes]:
    """
    The keys that are there, the sealing one first.  Raises UnsafeKey, and OSError, also for a file
    that is rotated away meanwhile.
    """
    folder = Path(directory)
    return [_read(folder / str(number)) for number in sorted(_numbers(folder), reverse=True)]


def marks_of(directory: Path | str) -> tuple[tuple[str, int, int], ...]:
    """
    What is another once a key comes, goes or changes: name, inode and time of each file.  Raises
    OSError.
    """
    folder = Path(directory)
    found = ((name, (folder / name).stat()) for name in map(str, sorted(_numbers(folder))))
    return tuple((name, file.st_ino, file.st_mtime_ns) for name, file in found)


def rotate_keys(directory: Path | str, keep: int = 3) -> list[bytes]:
    """
    Promote the staged key, stage a new one, and drop the oldest beyond `keep` (at least 2).

    Workers learn it within seconds (`KeyWatch`).  Rotate no more often than a token lives,
    divided by keep - 1, or tokens die before their time.
    """
    promote(directory)
    return drop_old(directory, keep)


def promote(directory: Path | str) -> list[bytes]:
    """
    The staged key seals, and there is a new one.  All others are as before.
    """
    folder = Path(directory)
    load_or_create_keys(folder)
    promoted = folder / str(max(_numbers(folder)) + 1)
    (folder / str(STAGED)).rename(promoted)
    os.utime(promoted)
    _create(folder, STAGED)
    return read_keys(folder)


def drop_old(directory: Path | str, keep: int) -> list[bytes]:
    """
    The newest `keep`, at least 2 and the staged one among them; the others are gone.
    """
    folder = Path(directory)
    old = sorted(number for number in _numbers(folder) if number != STAGED)
    for number in old[: max(0, len(old) - (max(keep, 2) - 1))]:
        (folder / str(number)).unlink()
    return read_keys(folder)


def seals_since(directory: Path | str) -> float:
    """
    When the key that seals was promoted: seconds since the epoch.
    """
    folder = Path(directory)
    return (folder / str(max(_numbers(folder)))).stat().st_mtime


def _numbers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]


def _create(folder: Path, number: int) -> None:
    """
    Write the key file unless it is there.  It appears whole: another process never reads half.
    What root makes is the directory's owner's, as whom the API runs.
    """
    target = folder / str(number)
    if target.exists():
        return
    handle, name = tempfile.mkstemp(prefix=".draft-", dir=folder)  # 0600
    draft = Path(name)
    try:
        if os.geteuid() == 0:
            owner = folder.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        os.write(handle, Fernet.generate_key())
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, target)
    except FileExistsError:
        pass  # another process was quicker; its key counts
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise UnsafeKey(f"{path} can be read by others: chmod 600 {path}")
    key = path.read_bytes().strip()
    try:
        Fernet(key)
    except ValueError as error:
        raise UnsafeKey(f"{path} holds no Fernet key") from error
    return key
