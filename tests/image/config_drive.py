"""
A config drive as a compute service makes it: ISO 9660 with the label config-2.
"""

from __future__ import annotations

import io
from pathlib import Path

import pycdlib


def write(path: Path, files: dict[str, bytes]) -> None:
    """
    Write a drive with ``files`` (name to content) in openstack/latest.
    """
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident="config-2")
    for iso_name, name in (
        ("/OPENSTACK", "/openstack"),
        ("/OPENSTACK/LATEST", "/openstack/latest"),
    ):
        iso.add_directory(iso_name, rr_name=name.rsplit("/", 1)[1], joliet_path=name)
    for name, content in files.items():
        iso.add_fp(
            io.BytesIO(content),
            len(content),
            f"/OPENSTACK/LATEST/{name.upper()}",
            rr_name=name,
            joliet_path=f"/openstack/latest/{name}",
        )
    iso.write(str(path))
    iso.close()
