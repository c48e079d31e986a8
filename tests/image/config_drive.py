"""
A config drive as a compute service makes it: ISO 9660 with the label config-2.
"""

from __future__ import annotations

import io
from pathlib import Path

import pycdlib


def write(path: Path, files: dict[str, bytes], content: bytes | None = None) -> None:
    """
    Write a drive with ``files`` (name to content) in openstack/latest, and ``content`` as
    openstack/content/0000.
    """
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident="config-2")
    for iso_name, name in (
        ("/OPENSTACK", "/openstack"),
        ("/OPENSTACK/LATEST", "/openstack/latest"),
    ):
        iso.add_directory(iso_name, rr_name=name.rsplit("/", 1)[1], joliet_path=name)
    for name, data in files.items():
        iso.add_fp(
            io.BytesIO(data),
            len(data),
            f"/OPENSTACK/LATEST/{name.upper()}",
            rr_name=name,
            joliet_path=f"/openstack/latest/{name}",
        )
    if content is not None:
        iso.add_directory("/OPENSTACK/CONTENT", rr_name="content", joliet_path="/openstack/content")
        place = "/openstack/content/0000"
        iso.add_fp(
            io.BytesIO(content), len(content), place.upper(), rr_name="0000", joliet_path=place
        )
    iso.write(str(path))
    iso.close()
