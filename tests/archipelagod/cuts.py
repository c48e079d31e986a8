"""
Ways in which a stream may arrive.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st


def chunks(data: st.DataObject, stream: bytes) -> list[bytes]:
    """
    The stream in pieces, some of them empty.
    """
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    bounds = [0, *cuts, len(stream)]
    return [stream[start:end] for start, end in pairwise(bounds)]
