"""
What is asked of a server, as units of work are told.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.identity.caller import Caller


@frozen
class Ask:
    """
    Who asks it of which server, in which request and when (microseconds).
    """

    caller: Caller
    server_id: str
    request_id: str
    now_us: int
