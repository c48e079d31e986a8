"""
Maps as bytes.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.volume.map_format import (
    HEADER_BYTES,
    MAX_VOLUME_BYTES,
    OBJECT_BYTES,
    PARTIAL,
    DamagedMap,
    Header,
    Partial,
    Record,
    decode,
    decode_header,
    encode,
    with_header,
)

numbers = st.integers(0, 2**32 - 1)
large = st.integers(0, 2**64 - 1)
counts = st.integers(0, 2**31 - 1)
names = st.integers(1, 2**64 - 1)
headers = st.builds(
    Header,
    size_bytes=st.just(MAX_VOLUME_BYTES - 1),  # there may be any index then
    uid=numbers,
    family=numbers,
    parent=numbers,
    own_from=numbers,
    created_us=large,
    serial=counts,
    is_read_only=st.booleans(),
    is_protected=st.booleans(),
    has_stale_end=st.booleans(),
    own_objects=counts,
    all_objects=counts,
    own_blocks=large,
    body=names,
    body_slots=numbers,
    body_partials=numbers,
    body_sum=numbers,
    keys=names,
    key_count=numbers,
)
deltas = st.dictionaries(st.integers(0, 2**24 - 1), large, max_size=12)


def partials_of(delta: dict[int, int]) -> dict[int, Partial]:
    """A partial for each slot that says it is one."""
    return {
        index: Partial(slot & ~PARTIAL, index, 1 << (slot % 1024))
        for index, slot in delta.items()
        if slot & PARTIAL
    }


def plain(record: Record) -> tuple[Header, dict[int, int], dict[int, tuple[int, int, int]]]:
    """The record as values that can be compared."""
    partials = {
        index: (each.oid, each.parent, each.bits) for index, each in record.partials.items()
    }
    return record.header, record.delta, partials


class MapFormatTests(SynchronousTestCase):
    """encode and decode."""

    @given(headers, deltas)
    def test_round_trip(self, header: Header, delta: dict[int, int]) -> None:
        """What is written is read."""
        made = Record(header, delta, partials_of(delta))
        data = encode(*made)
        self.assertEqual(plain(decode(data)), plain(made))
        self.assertEqual(decode_header(data[:HEADER_BYTES]), header)

    @given(headers, headers, deltas)
    def test_with_header(self, header: Header, other: Header, delta: dict[int, int]) -> None:
        """Another header changes nothing else."""
        partials = partials_of(delta)
        data = encode(header, delta, partials)
        self.assertEqual(with_header(other, data), encode(other, delta, partials))

    @given(headers, deltas, st.data())
    def test_damage_is_seen(
        self, header: Header, delta: dict[int, int], data: st.DataObject
    ) -> None:
        """Any flipped bit, and any cut, is noticed."""
        whole = bytearray(encode(header, delta, partials_of(delta)))
        cut = data.draw(st.integers(0, len(whole) - 1))
        self.assertRaises(DamagedMap, decode, bytes(whole[:cut]))
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= 1 << data.draw(st.integers(0, 7))
        self.assertRaises(DamagedMap, decode, bytes(whole))

    @given(st.binary(max_size=400))
    def test_any_bytes(self, data: bytes) -> None:
        """Anything is a map or DamagedMap."""
        try:
            decode(data)
        except DamagedMap:
            return

    def test_nonsense(self) -> None:
        """What no writer writes is no map, though its sums are right."""
        good = Header(OBJECT_BYTES, 1, 1, 0, 1, 5)
        for header in (
            good._replace(size_bytes=0),
            good._replace(size_bytes=MAX_VOLUME_BYTES + 1),
            good._replace(body_slots=1),
            good._replace(key_count=1),
            good._replace(has_stale_end=True),
            good._replace(serial=1 << 31),
        ):
            self.assertRaises(DamagedMap, decode_header, encode(header, {}, {}))
        self.assertRaises(DamagedMap, decode, encode(good, {1: 1 << 32}, {}))
        self.assertRaises(DamagedMap, decode, encode(good, {0: PARTIAL | 1 << 32}, {}))
        self.assertRaises(DamagedMap, decode, encode(good, {}, {0: Partial(1, 1, 1)}))

    def test_layout(self) -> None:
        """The bytes are those of the documentation."""
        header = Header(1 << 22, 1, 2, 3, 4, 5, serial=6, is_read_only=True, own_objects=7)
        data = encode(header, {0: 0x0000000100000002}, {})
        self.assertEqual(data[:16].hex(), "534e464d415000050100160006000000")
        self.assertEqual(data[16:24], (1 << 22).to_bytes(8, "little"))
        self.assertEqual(data[24:40].hex(), "01000000020000000300000004000000")
        self.assertEqual(data[HEADER_BYTES:].hex(), "00000000000000000200000001000000")
