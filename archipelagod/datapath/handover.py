"""
What negotiation leaves for the one who serves.  Standard library only.
"""

from __future__ import annotations

from typing import NamedTuple


class Handover(NamedTuple):
    """
    A client that is about to send requests.
    """

    is_structured: bool
    has_status: bool  # base:allocation was chosen
    farewell: bytes  # still to be sent to the client
    leftover: bytes  # sent by the client already
