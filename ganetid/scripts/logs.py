"""
Log files of scripts: one for each run, readable to their owner alone.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

MAX_LOG = 64 * 1024 * 1024
TAIL_BYTES = 8192
UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")


def new_log(directory: Path, stem: str, now: float) -> tuple[Path, int]:
    """
    (path, open descriptor) of a new log file ``<stem>-<time>.log``.

    What can't stand in a file's name is replaced by underscores, in UTC is the time.
    Blocks: call it in a thread.  Raises OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y-%m-%d_%H_%M_%S", time.gmtime(now))
    name = UNSAFE.sub("_", stem)[:180]
    for attempt in range(1000):
        path = directory / f"{name}-{stamp}{f'-{attempt}' if attempt else ''}.log"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            return path, os.open(path, flags, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(f"{directory}/{name}: too many runs within one second")


def last_lines_of(path: Path, lines: int = 20) -> list[str]:
    """The last lines of a log.  Blocks: call it in a thread.  Raises OSError."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - TAIL_BYTES))
        text = stream.read(TAIL_BYTES).decode("utf-8", "replace")
    return text.splitlines()[-lines:]


def write_all(handle: int, data: bytes) -> None:
    """Write it whole.  Blocks: call it in a thread.  Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
