"""
The config drive: an ISO image in which cloud-init finds what its server is to be.

ISO 9660 with Joliet and Rock Ridge names, volume label ``config-2``, as OpenStack makes it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pycdlib

LABEL = "config-2"
MAX_DEPTH = 7  # ISO 9660 counts the root


class BadConfigDrive(Exception):
    """A path that no ISO image can hold."""


def write_config_drive(path: Path, files: Mapping[str, bytes], label: str = LABEL) -> None:
    """
    Write the image to `path`, readable to its owner alone; a former one is replaced at once.

    files: content by path within the image.  label: by which cloud-init knows what it is.
    Blocks: call it in a thread.
    Raises BadConfigDrive, OSError.
    """
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=label)
    try:
        _Filler(image).fill(files)
        content = io.BytesIO()
        image.write_fp(content)
    finally:
        image.close()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content.getbuffer())
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


class _Filler:
    """Gives every entry a short ISO name; the long ones are Joliet's and Rock Ridge's."""

    def __init__(self, image: pycdlib.PyCdlib) -> None:
        self._image = image
        self._directories: dict[PurePosixPath, str] = {PurePosixPath("/"): ""}
        self._count = 0

    def fill(self, files: Mapping[str, bytes]) -> None:
        for name, content in sorted(files.items()):
            path = _checked(name)
            try:
                parent = self._directory(path.parent)
                self._image.add_fp(
                    io.BytesIO(content),
                    len(content),
                    f"{parent}/{self._next('F')}.;1",
                    rr_name=path.name,
                    joliet_path=str(path),
                )
            except pycdlib.pycdlibexception.PyCdlibException as error:
                raise BadConfigDrive(f"{name}: {error}") from error

    def _directory(self, path: PurePosixPath) -> str:
        known = self._directories.get(path)
        if known is None:
            known = f"{self._directory(path.parent)}/{self._next('D')}"
            self._image.add_directory(known, rr_name=path.name, joliet_path=str(path))
            self._directories[path] = known
        return known

    def _next(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count:07d}"


def _checked(name: str) -> PurePosixPath:
    path = PurePosixPath("/") / name.lstrip("/")
    if ".." in path.parts or not path.name or len(path.parts) > MAX_DEPTH + 1:
        raise BadConfigDrive(f"{name}: not a path in a config drive")
    if any(len(part) > 64 for part in path.parts):  # Joliet's limit
        raise BadConfigDrive(f"{name}: a name of over 64 characters")
    return path
