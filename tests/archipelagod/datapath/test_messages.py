"""
What daemon and worker tell each other.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.handover import AnyHandover, BlockHandover, Handover
from archipelagod.datapath.messages import join_handover, pack, split_handover, unpack

HANDOVERS = st.one_of(
    st.builds(Handover, st.booleans(), st.booleans(), st.binary(), st.binary()),
    st.builds(BlockHandover, st.binary(), st.binary()),
)


class MessageTests(SynchronousTestCase):
    """pack, unpack."""

    @given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), st.binary())
    def test_round_trip(self, head: dict[str, object], tail: bytes) -> None:
        """What is packed comes out."""
        self.assertEqual(unpack(pack(head, tail)), (head, tail))

    @given(HANDOVERS)
    def test_handover(self, handover: AnyHandover) -> None:
        """A handover of either protocol arrives as it was."""
        head, tail = unpack(pack(*split_handover(handover)))
        self.assertEqual(join_handover(head, tail), handover)
