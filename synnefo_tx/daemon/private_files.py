"""
Files that hold secrets: never readable by others, never half-written.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """
    Write `text` to `path` with mode 0600, whole or not at all.
    """
    with _written_beside(path, text) as temporary:
        temporary.replace(path)


def secret_in(path: Path) -> str:
    """
    The secret kept in `path`; made, 32 random bytes in base64, when there is none.  Daemons that
    start together and share the file get the same one.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Unlike a rename, a link never replaces what another daemon was quicker to make.
        with (
            _written_beside(path, secrets.token_urlsafe(32) + "\n") as temporary,
            contextlib.suppress(FileExistsError),
        ):
            path.hardlink_to(temporary)
    return path.read_text(encoding="utf-8").strip()


@contextlib.contextmanager
def _written_beside(path: Path, text: str) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
