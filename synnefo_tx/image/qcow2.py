"""
The head of a qcow2 file, read by ourselves before any program opens the file.

qemu-img follows what a file's head points to (a backing file, an external data file) as soon as it
opens it; a head that points anywhere is refused here.  Source: QEMU, docs/interop/qcow2.txt.
"""

from __future__ import annotations

import struct

from attrs import frozen

from synnefo_tx.image.errors import UnacceptableDisk

HEAD_BYTES = 112
_HEAD = struct.Struct(">4sIQIIQIIQQIIQ")  # up to snapshots_offset, 72 bytes
_MORE = struct.Struct(">QQQII")  # version 3: feature bits, refcount order, header length
_MAGIC = b"QFI\xfb"
_DIRTY, _CORRUPT, _EXTERNAL_DATA, _COMPRESSION, _EXTENDED_L2 = (1 << bit for bit in range(5))
_KNOWN = _DIRTY | _CORRUPT | _EXTERNAL_DATA | _COMPRESSION | _EXTENDED_L2


@frozen
class Qcow2Head:
    """
    virtual_size: bytes of the disk inside.
    """

    version: int
    virtual_size: int


def read_head(data: bytes) -> Qcow2Head:
    """
    The head in the first HEAD_BYTES bytes of a file.  Raises UnacceptableDisk.
    """
    if len(data) < _HEAD.size or data[:4] != _MAGIC:
        raise UnacceptableDisk("Image is not a qcow2 file")
    (_, version, backing_offset, backing_size, cluster_bits, virtual_size, encryption, *_rest) = (
        _HEAD.unpack_from(data)
    )
    if version not in (2, 3):
        raise UnacceptableDisk(f"Image has an unknown qcow2 version {version}")
    if backing_offset or backing_size:
        raise UnacceptableDisk("Image has a backing file")
    if encryption:
        raise UnacceptableDisk("Image is encrypted")
    if not 9 <= cluster_bits <= 21:
        raise UnacceptableDisk(f"Image has a bad qcow2 cluster size 2^{cluster_bits}")
    if version == 3:
        _check_features(data)
    return Qcow2Head(version, virtual_size)


def _check_features(data: bytes) -> None:
    if len(data) < _HEAD.size + _MORE.size:
        raise UnacceptableDisk("Image is not a qcow2 file")
    incompatible, *_ = _MORE.unpack_from(data, _HEAD.size)
    if incompatible & _EXTERNAL_DATA:
        raise UnacceptableDisk("Image has an external data file")
    if incompatible & _CORRUPT:
        raise UnacceptableDisk("Image is marked as corrupt")
    if incompatible & ~_KNOWN:
        raise UnacceptableDisk(f"Image has unknown qcow2 features {incompatible:#x}")
