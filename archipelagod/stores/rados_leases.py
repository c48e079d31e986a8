"""
Leases as locks on objects of Ceph, renewed while the process lives.

Who takes over a lease that was not released first has the old holder's client fenced off: no OSD
that the new holder speaks to takes anything from the old one any more.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

from archipelagod.stores.leases import LeaseHeld
from archipelagod.stores.names import checked_name
from archipelagod.wire.errors import LeaseLost

if TYPE_CHECKING:
    from archipelagod.stores.rados_pool import RadosPool

TERM_S = 20  # a holder that was not heard of for so long may be taken over
RENEWALS = 4  # in a term
FENCE_S = 24 * 3600  # longer than a host could stand still and wake with a write in its hands
_LOCK = "lease"
_HELD = "held"  # the key that says who holds, and from where
_MUST_RENEW = 2  # LIBRADOS_LOCK_FLAG_MUST_RENEW


class RadosLease:
    """
    See ILease.
    """

    def __init__(self, leases: RadosLeases, name: str, cookie: str, held: str) -> None:
        self.name = name
        self.cookie = cookie
        self.held = held
        self.until_s = 0.0  # by the monotonic clock
        self._leases = leases

    def check(self) -> None:
        """See ILease."""
        if time.monotonic() >= self.until_s:
            raise LeaseLost(f"{self.name}: the lease was released, taken away or not renewed")

    def release(self) -> None:
        """See ILease."""
        self._leases.release(self)


class RadosLeases:
    """
    See ILeases.
    """

    def __init__(self, pool: RadosPool, cluster: Any, term_s: int = TERM_S) -> None:
        self._pool = pool
        self._cluster = cluster
        self._term_s = term_s
        self._address = cluster.get_addrs()
        self._ours: dict[str, RadosLease] = {}
        self._lock = threading.Lock()
        self._renewer: threading.Thread | None = None

    def acquire(self, name: str, holder: bytes) -> RadosLease:
        """See ILeases."""
        cookie = os.urandom(8).hex()
        held = json.dumps({"who": holder.hex(), "where": self._address, "cookie": cookie})
        lease = RadosLease(self, checked_name(name), cookie, held)
        try:
            self._begin(lease)
            self._fence(name)
            with self._pool.change(name) as operation:
                self._pool.must_exist(operation)
                self._pool.set_keys(operation, **{_HELD: held})
            self._extend(lease, _MUST_RENEW)  # and nobody ended it meanwhile
        except OSError as error:
            lease.until_s = 0
            if error.errno not in (errno.EBUSY, errno.EEXIST, errno.ENOENT):
                raise
            raise LeaseHeld(name, self._holder(name) or b"") from error
        with self._lock:
            self._ours[name] = lease
            self._start_renewing()
        return lease

    def _begin(self, lease: RadosLease) -> None:
        """
        Gets the lock, for which a full cluster makes no new object by itself.
        """
        try:
            self._extend(lease, 0)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            with self._pool.change(lease.name, is_urgent=True) as operation:
                operation.new(self._pool.rados.LIBRADOS_CREATE_IDEMPOTENT)
            self._extend(lease, 0)

    def _extend(self, lease: RadosLease, flags: int) -> None:
        """
        Holds the lock for a term from now.  Raises OSError.
        """
        began_s = time.monotonic()
        with self._pool.errors(lease.name):
            self._pool.io.lock_exclusive(
                lease.name, _LOCK, lease.cookie, duration=self._term_s, flags=flags
            )
        lease.until_s = began_s + self._term_s

    def _start_renewing(self) -> None:
        if self._renewer is None:
            self._renewer = threading.Thread(target=self._renew, daemon=True, name="leases")
            self._renewer.start()

    def _renew(self) -> None:
        while True:
            time.sleep(self._term_s / RENEWALS)
            with self._lock:
                leases = list(self._ours.values())
            for lease in leases:
                try:
                    self._extend(lease, _MUST_RENEW)
                except OSError as error:
                    if error.errno != errno.ETIMEDOUT:  # Ceph may come back within the term
                        self._forget(lease)

    def _forget(self, lease: RadosLease) -> None:
        lease.until_s = 0.0
        with self._lock:
            if self._ours.get(lease.name) is lease:
                del self._ours[lease.name]

    def release(self, lease: RadosLease) -> None:
        """
        See ILease.
        """
        is_held = time.monotonic() < lease.until_s
        self._forget(lease)
        if is_held:
            self._end(lease.name, lease.held)

    def _end(self, name: str, held: str) -> None:
        """
        Removes the lease, if it is still what it was.
        """
        try:
            with self._pool.change(name) as operation:
                operation.omap_cmp(_HELD, held)
                operation.remove()
        except OSError as error:
            if error.errno not in (errno.ECANCELED, errno.ENOENT):
                raise

    def _fence(self, name: str) -> None:
        """
        Keeps the last holder's client, if it did not release, away from Ceph.
        """
        held = self._pool.key(name, _HELD)
        where = json.loads(held)["where"] if held else self._address
        if where == self._address:
            return
        with self._pool.errors(name):
            self._cluster.blocklist_add(where, FENCE_S)
            self._cluster.wait_for_latest_osdmap()

    def _holder(self, name: str) -> bytes | None:
        held = self._pool.key(name, _HELD)
        return bytes.fromhex(json.loads(held)["who"]) if held else None

    def holder(self, name: str) -> bytes | None:
        """See ILeases."""
        return self._holder(name) if self._is_locked(checked_name(name)) else None

    def _is_locked(self, name: str) -> bool:
        """
        Source: Ceph's src/cls/lock/cls_lock_ops.h, cls_lock_get_info_op and _reply (16.2.15).
        """
        question = struct.pack("<I", len(_LOCK)) + _LOCK.encode()
        question = struct.pack("<BBI", 1, 1, len(question)) + question
        try:
            with self._pool.errors(name):
                _, answer = self._pool.io.execute(name, "lock", "get_info", question, 4096)
        except FileNotFoundError:
            return False
        return bool(struct.unpack_from("<BBII", answer)[3])

    def take_away(self, name: str) -> None:
        """See ILeases."""
        held = self._pool.key(checked_name(name), _HELD)
        with self._lock:
            ours = self._ours.get(name)
        if ours is not None:
            self._forget(ours)
        if held is not None:
            self._fence(name)
            self._end(name, held)
