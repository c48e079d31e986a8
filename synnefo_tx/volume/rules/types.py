"""
Types of volumes: there is the default one.  Pure.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.volume.errors import TypeNotFound


@frozen
class VolumeType:
    """
    A kind of storage that volumes can be of.
    """

    id: str
    name: str
    description: str


DEFAULT = VolumeType("d9c2f7a4-5b0e-4d4c-9a37-0c1d5e1f6b20", "__DEFAULT__", "Default Volume Type")


def find_type(wanted: str) -> VolumeType:
    """
    By id or name.  Raises TypeNotFound.
    """
    if wanted not in (DEFAULT.id, DEFAULT.name):
        raise TypeNotFound(wanted)
    return DEFAULT


def type_of_id(type_id: str) -> VolumeType:
    """
    Raises TypeNotFound.
    """
    if type_id != DEFAULT.id:
        raise TypeNotFound(type_id, "type")
    return DEFAULT
