"""
Maps as bytes.
"""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.volume.map_format import (
    HEADER_BYTES,
    DamagedMap,
    Header,
    decode,
    decode_header,
    encode,
)

numbers = st.integers(0, 2**32 - 1)
large = st.integers(0, 2**64 - 1)
headers = st.builds(
    Header,
    size_bytes=large,
    uid=numbers,
    family=numbers,
    parent=numbers,
    own_from=numbers,
    created_us=large,
    serial=numbers,
    own_objects=large,
    is_read_only=st.booleans(),
)
slots = st.lists(large, max_size=20)


class MapFormatTests(SynchronousTestCase):
    """encode and decode."""

    @given(headers, slots)
    def test_round_trip(self, header: Header, given_slots: list[int]) -> None:
        """What is written is read, but for zero slots at the end."""
        data = encode(header, array("Q", given_slots))
        found, found_slots = decode(data)
        self.assertEqual((found, decode_header(data[:HEADER_BYTES])), (header, header))
        while given_slots and not given_slots[-1]:
            given_slots.pop()
        self.assertEqual(list(found_slots), given_slots)

    @given(headers, slots, st.data())
    def test_damage_is_seen(
        self, header: Header, given_slots: list[int], data: st.DataObject
    ) -> None:
        """Any flipped bit outside the padding, and any cut, is noticed."""
        whole = bytearray(encode(header, array("Q", given_slots)))
        cut = data.draw(st.integers(0, len(whole) - 1))
        self.assertRaises(DamagedMap, decode, bytes(whole[:cut]))
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= 1 << data.draw(st.integers(0, 7))
        self.assertRaises(DamagedMap, decode, bytes(whole))

    def test_layout(self) -> None:
        """The bytes are those of the documentation."""
        header = Header(1 << 22, 1, 2, 3, 4, 5, serial=6, own_objects=7, is_read_only=True)
        data = encode(header, array("Q", [0x0000000100000002]))
        self.assertEqual(data[:12].hex(), "534e464d4150000401001600")
        self.assertEqual(data[12:20], (1 << 22).to_bytes(8, "little"))
        self.assertEqual(data[20:40].hex(), "0100000002000000030000000400000006000000")
        self.assertEqual(data[HEADER_BYTES:].hex(), "0200000001000000")
