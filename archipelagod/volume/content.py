"""
Content by its hash: blocks, volumes made of them, and the hash of a volume.

A block's key is the SHA-256 of its content without the zeros at its end; a volume's hash is the
root of the Merkle tree over the keys of its objects, as Pithos has it for objects.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from archipelagod.volume import sweeps
from archipelagod.volume.map_format import (
    FIRST_OBJECT,
    KEY_BYTES,
    OBJECT_BYTES,
    OBJECT_SHIFT,
    Header,
    encode,
    encode_body,
)
from archipelagod.volume.slots import BODIES, DELTA_LIMIT, body_name
from archipelagod.wire.errors import BadRequest, NoSuchBlock, NotReadOnly, OutOfRange

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.catalogue import Catalogue
    from archipelagod.volume.volume import Volume

EMPTY = hashlib.sha256(b"").digest()
_ZEROS = bytes(OBJECT_BYTES)

Progress = Callable[[int, int], None] | None


def stripped(data: bytes | bytearray | memoryview) -> bytes:
    """
    Without the zeros at its end.
    """
    if data == _ZEROS[: len(data)]:  # far quicker than to look from the end
        return b""
    return bytes(data).rstrip(b"\0")


def put_block(store: Store, data: bytes) -> str:
    """
    Stores a block; its key in hexadecimal.  Raises OutOfRange, OSError.
    """
    if len(data) > OBJECT_BYTES:
        raise OutOfRange(f"{len(data)} bytes; a block has {OBJECT_BYTES}")
    content = stripped(data)
    key = hashlib.sha256(content).digest()
    if key != EMPTY:
        store.blocks.put(key, content)
    return key.hex()


def get_block(store: Store, key: str) -> bytes:
    """
    A block, without the zeros at its end.  Raises NoSuchBlock, BlockDamaged, BadRequest, OSError.
    """
    try:
        return store.blocks.get(_key(key))
    except FileNotFoundError:
        raise NoSuchBlock(key) from None


def have_blocks(store: Store, keys: list[str]) -> list[str]:
    """
    Those that are missing; the others stay for some hours at least.  Raises BadRequest, OSError.
    """
    return [key.hex() for key in store.blocks.have([_key(key) for key in keys])]


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadRequest(f"{text[:80]!r} is no SHA-256 in hexadecimal")
    return key


def create_from_hashes(
    catalogue: Catalogue, name: str, size_bytes: int, keys: list[str], *, is_read_only: bool
) -> None:
    """
    A volume that consists of blocks.  Nothing is copied.

    Raises VolumeExists, OutOfRange, BadRequest, NoSuchBlock, OSError.
    """
    store = catalogue.store
    header = catalogue.new_header(name, size_bytes)
    if len(keys) != header.slot_count:
        raise BadRequest(f"{name}: {len(keys)} hashes; {header.slot_count} are needed")
    listed = [_key(key) for key in keys]
    header = header._replace(is_read_only=is_read_only)
    header, delta = _mapped(store, header, listed)
    try:
        _check_there(store, listed)
        catalogue.add(name, encode(header, delta, {}))
    except BaseException:
        for number in {header.keys, header.body} - {0}:
            store.records.remove(BODIES, body_name(number))
        raise


def _check_there(store: Store, keys: list[bytes]) -> None:
    """
    To be called when the list of ``keys`` is in the store: the blocks stay as long as it is.
    """
    sweeps.wait(store, keys)
    missing = store.blocks.have(keys)
    if missing:
        raise NoSuchBlock(f"{missing[0].hex()} and {len(missing) - 1} more")


def _mapped(store: Store, header: Header, keys: list[bytes]) -> tuple[Header, dict[int, int]]:
    slots = [0 if key == EMPTY else index + 1 for index, key in enumerate(keys)]
    used = {index: slot for index, slot in enumerate(slots) if slot}
    list_name = header.uid << 32
    store.records.put(BODIES, body_name(list_name), b"".join(keys))
    header = header._replace(keys=list_name, key_count=len(keys), all_objects=len(used))
    if len(used) <= DELTA_LIMIT:
        return header, used
    body = encode_body(array("Q", slots), ())
    store.records.put(BODIES, body_name(list_name + 1), body)
    return (
        header._replace(body=list_name + 1, body_slots=len(slots), body_sum=zlib.crc32(body)),
        {},
    )


def hash_volume(volume: Volume, progress: Progress = None) -> str:
    """
    The hash of an open read-only volume, in hexadecimal.  Raises NotReadOnly, OSError.
    """
    if not volume.is_read_only:
        raise NotReadOnly(volume.name)
    return merkle_root(list(object_keys(volume, progress))).hex()


def object_keys(volume: Volume, progress: Progress = None) -> Iterator[bytes]:
    """
    Keys of the volume's objects, in order.  Raises OSError.
    """
    room = bytearray(OBJECT_BYTES)
    slots = volume.map.slots
    for index, slot in enumerate(slots.view):
        if progress is not None:
            progress(index << OBJECT_SHIFT, volume.size_bytes)
        if not slot:
            yield EMPTY
            continue
        start = index << OBJECT_SHIFT
        size = min(OBJECT_BYTES, volume.size_bytes - start)
        if slot < FIRST_OBJECT and size == OBJECT_BYTES:
            yield slots.key(slot)
            continue
        view = memoryview(room)[:size]
        volume.read_into(start, view)
        yield hashlib.sha256(stripped(view)).digest()


def merkle_root(keys: list[bytes]) -> bytes:
    """
    The root of a binary tree over ``keys``, filled up with zeros to a power of two.
    """
    if not keys:
        return EMPTY
    level = list(keys)
    width = 1 << (len(level) - 1).bit_length()
    level += [bytes(KEY_BYTES)] * (width - len(level))
    while len(level) > 1:
        level = [
            hashlib.sha256(level[at] + level[at + 1]).digest() for at in range(0, len(level), 2)
        ]
    return level[0]
