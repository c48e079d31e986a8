"""
What guests wrote on their serial port.  QEMU itself appends it to a file, also while we are away.
"""

from __future__ import annotations

import os
from pathlib import Path

ANSWER_BYTES = 1024 * 1024
FILE_BYTES = 4 * 1024 * 1024


def last_lines(path: Path, lines: int | None) -> str:
    """
    The last so many lines, all when None, but at most 1 MiB of text.

    No file reads as an empty one.  Blocks: call it in a thread.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - ANSWER_BYTES))
            raw = stream.read(ANSWER_BYTES)
    except FileNotFoundError:
        return ""
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", "")
    if lines is None:
        return text
    if lines <= 0:
        return ""
    return "".join(text.splitlines(keepends=True)[-lines:])


def shorten(path: Path, most: int = FILE_BYTES) -> bool:
    """
    Cut a log of over `most` bytes down to its last quarter of that; whether it was.

    QEMU appends, so it goes on after the new end; what it writes during the cut may be lost.
    Blocks: call it in a thread.
    """
    try:
        if path.stat().st_size <= most:
            return False
        with path.open("r+b") as stream:
            stream.seek(-(most // 4), os.SEEK_END)
            kept = stream.read()
            stream.seek(0)
            stream.truncate()
            stream.write(kept)
    except FileNotFoundError:
        return False
    return True
