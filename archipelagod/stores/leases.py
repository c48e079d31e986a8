"""
How leases are refused, and lost.
"""

from __future__ import annotations


class LeaseHeld(Exception):
    """
    Another has the lease.  holder: what that one said when it took it.
    """

    def __init__(self, name: str, holder: bytes) -> None:
        super().__init__(f"{name} is held by {holder.decode('utf-8', 'replace') or 'another'}")
        self.name = name
        self.holder = holder
