"""
Leases in memory: between the volumes of one process.
"""

from __future__ import annotations

import threading

from archipelagod.stores.leases import LeaseHeld
from archipelagod.stores.names import checked_name
from archipelagod.wire.errors import LeaseLost


class MemoryLease:
    """
    See ILease.
    """

    def __init__(self, leases: MemoryLeases, name: str, holder: bytes) -> None:
        self.name = name
        self.holder = holder
        self._leases = leases

    def check(self) -> None:
        """See ILease."""
        if not self._leases.is_held(self):
            raise LeaseLost(f"{self.name}: the lease was released or taken away")

    def release(self) -> None:
        """See ILease."""
        if self._leases.is_held(self):
            self._leases.take_away(self.name)


class MemoryLeases:
    """
    See ILeases.
    """

    def __init__(self) -> None:
        self._held: dict[str, MemoryLease] = {}
        self._lock = threading.Lock()

    def acquire(self, name: str, holder: bytes) -> MemoryLease:
        """See ILeases."""
        lease = MemoryLease(self, checked_name(name), holder)
        with self._lock:
            other = self._held.setdefault(name, lease)
        if other is not lease:
            raise LeaseHeld(name, other.holder)
        return lease

    def is_held(self, lease: MemoryLease) -> bool:
        """
        Whether nobody released it, or took it away.
        """
        return self._held.get(lease.name) is lease

    def holder(self, name: str) -> bytes | None:
        """See ILeases."""
        lease = self._held.get(name)
        return None if lease is None else lease.holder

    def take_away(self, name: str) -> None:
        """See ILeases."""
        self._held.pop(name, None)
