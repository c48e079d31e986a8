"""
Numbers of operations, and how their arguments and results are written.
"""

from __future__ import annotations

import msgspec

from archipelagod.volume.information import VolumeInfo
from archipelagod.wire.errors import BadRequest

HELLO = 1
AUTHENTICATE = 2
READ = 10
WRITE = 11
FLUSH = 12
INFO = 20
LIST = 21
CREATE = 30
CLONE = 31
SNAPSHOT = 32
SEAL = 33
RENAME = 34
RESIZE = 35
DELETE = 36

FLAG_FUA = 1
FLAG_SAME_SIZE = 2  # of CLONE: the size is the origin's

MAX_LISTED = 1000


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Which volumes are listed.
    """

    marker: str = ""
    prefix: str = ""
    limit: int = MAX_LISTED


_listing = msgspec.json.Decoder(Listing)
_infos = msgspec.json.Decoder(list[VolumeInfo])
_info = msgspec.json.Decoder(VolumeInfo)


def decode_listing(data: bytes) -> Listing:
    """
    See Listing.  Raises BadRequest.
    """
    try:
        return _listing.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"listing: {error}") from error


def decode_name(data: bytes) -> str:
    """
    The second name of CLONE, SNAPSHOT and RENAME.  Raises BadRequest.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("the second name is not UTF-8") from error


def decode_info(data: bytes) -> VolumeInfo:
    """
    Result of INFO.  Raises msgspec.DecodeError.
    """
    return _info.decode(data)


def decode_infos(data: bytes) -> list[VolumeInfo]:
    """
    Result of LIST.  Raises msgspec.DecodeError.
    """
    return _infos.decode(data)
