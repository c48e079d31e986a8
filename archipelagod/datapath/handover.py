"""
What negotiation leaves for the one who serves.  Standard library only.
"""

from __future__ import annotations

from typing import NamedTuple


class Handover(NamedTuple):
    """
    An NBD client that is about to send requests.
    """

    is_structured: bool
    has_status: bool  # base:allocation was chosen
    farewell: bytes  # still to be sent to the client
    leftover: bytes  # sent by the client already


class BlockHandover(NamedTuple):
    """
    A client of the block protocol whose connection now belongs to one volume.
    """

    farewell: bytes
    leftover: bytes


AnyHandover = Handover | BlockHandover
