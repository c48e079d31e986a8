"""
What a config drive holds, read back for the metadata service: the two never differ.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from ganetid.guest.metadata import documents
from ganetid.network.ports import NetworkPlan, PortPlan

LARGEST = 1024 * 1024  # of a file; user data has at most 64 KiB


def metadata_of_drive(
    drive: Path, ports: tuple[PortPlan, ...], networks: Mapping[str, NetworkPlan] | None = None
) -> dict[str, bytes]:
    """
    What the metadata service answers to the guest of this config drive.

    Without a drive, or with one that can't be read: what the NICs alone tell; nothing when there
    are none.  networks: of the NICs, by name.  Blocks: call it in a thread.
    """
    if not ports:
        return {}
    return documents(files_of(drive), ports, networks or {})


def files_of(drive: Path) -> dict[str, bytes]:
    """Content by path of all files on an image of ours; empty when there is none.  Blocks."""
    image = pycdlib.PyCdlib()
    try:
        image.open(str(drive))
    except (OSError, PyCdlibException):
        return {}
    try:
        return _files(image)
    except PyCdlibException:
        return {}
    finally:
        image.close()


def _files(image: pycdlib.PyCdlib) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for folder, _, names in image.walk(joliet_path="/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            if image.get_record(joliet_path=path).get_data_length() <= LARGEST:
                content = io.BytesIO()
                image.get_file_from_iso_fp(content, joliet_path=path)
                found[path.lstrip("/")] = content.getvalue()
    return found
