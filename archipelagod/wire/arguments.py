"""
How arguments and results of operations are written in the data of frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from archipelagod.volume.information import VolumeInfo
from archipelagod.wire.errors import BadRequest
from archipelagod.wire.operations import HASH_BYTES, MAX_LISTED
from archipelagod.wire.values import Limits

T = TypeVar("T")


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Which volumes are listed.
    """

    marker: str = ""
    prefix: str = ""
    limit: int = MAX_LISTED


class _Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    iops: float = 0.0
    bytes_per_second: float = 0.0
    burst_seconds: float = 1.0


class Differing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What a volume is compared with: an older one, or none at all.
    """

    older: str | None = None


_listing = msgspec.json.Decoder(Listing)
_limits = msgspec.json.Decoder(_Limits)
_differing = msgspec.json.Decoder(Differing)
_infos = msgspec.json.Decoder(list[VolumeInfo])
_info = msgspec.json.Decoder(VolumeInfo)
_figures = msgspec.json.Decoder(dict[str, Any])


def decode_listing(data: bytes) -> Listing:
    """
    Arguments of LIST.  Raises BadRequest.
    """
    return _decoded(_listing, data, "listing")


def decode_limits(data: bytes) -> Limits:
    """
    Arguments of LIMITS.  Raises BadRequest.
    """
    found = _decoded(_limits, data, "limits")
    if min(found.iops, found.bytes_per_second, found.burst_seconds) < 0:
        raise BadRequest("a limit below 0")
    return Limits(found.iops, found.bytes_per_second, found.burst_seconds)


def decode_older(data: bytes) -> str | None:
    """
    Arguments of DIFF.  Raises BadRequest.
    """
    return _decoded(_differing, data, "diff").older


def _decoded(decoder: msgspec.json.Decoder[T], data: bytes, what: str) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"{what}: {error}") from error


def decode_name(data: bytes) -> str:
    """
    The second name of CLONE, SNAPSHOT, RENAME, ROLLBACK and COPY.  Raises BadRequest.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("the second name is not UTF-8") from error


def checked_hashes(data: bytes, limit: int) -> bytes:
    """
    ``data``, if it is at most ``limit`` hashes of 32 bytes.  Raises BadRequest.
    """
    if len(data) % HASH_BYTES or len(data) > limit * HASH_BYTES:
        raise BadRequest(f"{len(data)} bytes of hashes")
    return data


def split_hashes(data: bytes) -> list[str]:
    """
    Hashes in hexadecimal.
    """
    return [data[at : at + HASH_BYTES].hex() for at in range(0, len(data), HASH_BYTES)]


def join_hashes(hashes: Sequence[str]) -> bytes:
    """
    The other way.  Raises BadRequest.
    """
    try:
        joined = [bytes.fromhex(name) for name in hashes]
    except ValueError:
        raise BadRequest("a hash is 64 hexadecimal digits") from None
    if any(len(name) != HASH_BYTES for name in joined):
        raise BadRequest("a hash is 64 hexadecimal digits")
    return b"".join(joined)


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


def decode_figures(data: bytes) -> dict[str, Any]:
    """
    Result of STATISTICS, GC and SCRUB.  Raises msgspec.DecodeError.
    """
    return _figures.decode(data)
