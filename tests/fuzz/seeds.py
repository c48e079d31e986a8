"""
Valid inputs, from which a fuzzer starts.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from archipelagod.volume import journal, map_format
from archipelagod.volume.information import VolumeInfo
from archipelagod.wire import handshake
from archipelagod.wire.values import Extent, pack_extents
from tests.vectors import load

_INFO = VolumeInfo(
    name="v", size_bytes=1, read_only=False, own_bytes=0, connections=0, created_at=1.0
)


def _frames() -> list[bytes]:
    vectors = load("frames")
    return [bytes.fromhex(each["hex"]) for each in vectors["valid"] + vectors["invalid"]]


def _handshake() -> list[bytes]:
    found = load("handshake")
    return [bytes.fromhex(found[key]) for key in ("hello", "authenticate")]


def _conversation(side: str) -> list[bytes]:
    return [bytes.fromhex(step[side]) for step in load("conversation")]


def _map() -> bytes:
    header = map_format.Header(10 << 20, 5, 5, 0, 5, 1, own_objects=1, all_objects=1)
    partials = {1: map_format.Partial(5 << 32 | 2, 3 << 32 | 1, 6)}
    delta = {0: 5 << 32 | 1, 1: map_format.PARTIAL | 5 << 32 | 2}
    return map_format.encode(header, delta, partials)


def _journal() -> bytes:
    kinds = (journal.START, journal.CHANGE, journal.FILL, journal.COMMIT, journal.SYNCED)
    return b"".join(journal.pack(kind, 1, 1, 7, 3) for kind in kinds)


def seeds() -> dict[str, list[bytes]]:
    """
    By target; those that are not there start from nothing.
    """
    asked, answered = _conversation("request"), _conversation("reply")
    structured = [bytes(range(first, first + 60)) for first in range(0, 180, 20)]
    even = [b"\0" + each for each in structured]  # what begins with an odd byte is raw
    long = [0, *(at * at * 7 % 251 for at in range(1500))]
    return {
        "frames": [*_frames(), b"".join(asked[:5])],
        "header": _frames(),
        "introductions": [handshake.hello(bytes(32)), _handshake()[0][48:]],
        "json_arguments": [
            b'{"marker": "a", "prefix": "b", "limit": 3}',
            b'{"iops": 1, "bytes_per_second": 2.5, "burst_seconds": 1e3}',
            b'{"older": null}',
            bytes(64),
        ],
        "replies": [
            msgspec.json.encode(_INFO),
            msgspec.json.encode([_INFO]),
            b'{"a": [1, 2.5, null, {"b": "c"}]}',
            pack_extents([Extent(0, 4096, "own"), Extent(4096, 1, "zero")]),
        ],
        "places": [b"unix:/run/x", b"tcp:host:1", rb"ssl:a\:b:2:ca=c:certificate=d:key=e"],
        "stranger": [b"\1" + each for each in (*_handshake(), b"".join(_handshake()))] + even,
        "server": [*structured, bytes(long), bytes((255, 0, 11, 0, 0, 0, 1, 63))],
        "client": [b"\1" + answer for answer in answered] + [*even, bytes(long)],
        "blocking_client": [b"\1\3" + answer for answer in answered] + [*even, bytes(long)],
        "options": [b"\0\0\0\1v\0\1\0\3", b"\0\0\0\1v\0\0\0\1\0\0\0\x0fbase:allocation"],
        "negotiation": structured + [bytes((c, 7, 0, 1, 118, 1, 0, 3, 0)) for c in range(8)],
        "nbd_client": [
            *structured,
            bytes(long),
            bytes((255, 0, 6, 0, 0, 0, 0)),
            bytes((80, 7, 0, 1, 118)),
        ],
        "block_transmission": [*even, b"\x01" + b"".join(asked[3:6]), bytes(long)],
        "nbd_transmission": [
            bytes((first, *each)) for first in (0, 2, 6) for each in (*even, long)
        ],
        "loop_in_c": [
            bytes((first, *each)) for first in (0, 1, 2, 4) for each in (*structured, long)
        ],
        "map_record": [_map()],
        "opening": [_map(), *even, bytes(long)],
        "journal_records": [_journal()],
        "settings": [
            b'state_dir = "/x"\nlisten = "unix:/y"\nsecret_file="z"\nnbd_socket="n"\n',
            *even,
        ],
    }


def write(folder: Path) -> None:
    """
    Puts each into a file of its own, in a folder for its target.
    """
    for target, inputs in seeds().items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for data in inputs:
            (folder / target / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
