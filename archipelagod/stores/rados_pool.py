"""
A namespace of a Ceph pool, with the errors and the grouped operations that the stores need.
Standard library, and Ceph's own binding, which is handed in.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PAGE = 1000  # an OSD gives at most 1024 keys at once
_NO_ATTRIBUTE = "none"  # never set
_FULL_FORCE = 1 << 7  # LIBRADOS_OPERATION_FULL_FORCE of librados.h, which the binding does not name


class RadosPool:
    """
    Objects of one namespace.  Any thread.  Everything raises OSError; what is written is on stable
    storage of all replicas when a call returns.

    fenced: called when another process had this one's client fenced off (ESHUTDOWN).
    """

    def __init__(
        self, rados: Any, cluster: Any, pool: str, namespace: str, fenced: Callable[[], None]
    ) -> None:
        self.rados = rados
        self._fenced = fenced
        with self.errors(pool):
            self.io = cluster.open_ioctx(pool)
        self.io.set_namespace(namespace)
        self._swaps_zero: bool | None = None
        self.io.set_osdmap_full_try()  # a full cluster answers ENOSPC; otherwise it waits for space

    @contextmanager
    def errors(self, name: str) -> Iterator[None]:
        """
        Makes Ceph's errors Python's: they have names such as FileNotFoundError.
        """
        try:
            yield
        except self.rados.Error as error:
            number = abs(getattr(error, "errno", None) or errno.EIO)
            if number == errno.EDQUOT:
                number = errno.ENOSPC  # a pool that may hold no more is full
            if number == errno.ESHUTDOWN:
                self._fenced()
            raise OSError(number, f"{type(error).__name__}: {error}", name) from error

    @contextmanager
    def change(self, name: str, *, is_urgent: bool = False) -> Iterator[Any]:
        """
        Operations on one object that are done together, or not at all.

        is_urgent: also when the cluster is full, as long as it is not beyond what it keeps back
        (``mon_osd_full_ratio`` and ``osd_failsafe_full_ratio``: 2 % of it).
        """
        flags = _FULL_FORCE if is_urgent else 0
        with self.rados.WriteOpCtx() as operation:
            yield operation
            with self.errors(name):
                self.io.operate_write_op(operation, name, int(time.time()), flags)

    def must_exist(self, operation: Any) -> None:
        """
        Makes the operation raise FileNotFoundError if its object does not exist.

        Ceph makes objects as they are written.  The binding has no assertion for that; but taking
        away an attribute, there or not, needs an object.
        """
        operation.rm_xattr(_NO_ATTRIBUTE)

    def must_be_new(self, operation: Any) -> None:
        """
        Makes the operation raise FileExistsError if its object exists.
        """
        operation.new(self.rados.LIBRADOS_CREATE_EXCLUSIVE)

    def zero(self, operation: Any, offset: int, size: int) -> None:
        """
        Makes the operation free the range; nothing happens if that is empty.

        The binding of 16.2.15 hands the two numbers on the wrong way round, and an OSD that is told
        to free nothing dies of it.
        """
        if size <= 0:
            return
        if self._swaps_zero is None:
            self._swaps_zero = self._finds_zero_swapped()
        operation.zero(*((size, offset) if self._swaps_zero else (offset, size)))

    def _finds_zero_swapped(self) -> bool:
        name = f"probe.{os.urandom(8).hex()}"
        try:
            with self.change(name) as operation:
                operation.write_full(b"xxxx")
            with self.change(name) as operation:
                operation.zero(2, 1)
            return self.read(name, 4) != b"xx\0x"
        finally:
            self.remove(name)

    def set_keys(self, operation: Any, **values: str) -> None:
        """
        Gives the operation's object these keys.
        """
        encoded = tuple(value.encode() for value in values.values())
        self.io.set_omap(operation, tuple(values), encoded)

    def key(self, name: str, key: str) -> str | None:
        """
        The value of one of the object's keys.  None if there is none, or no object.
        """
        with self.rados.ReadOpCtx() as operation:
            found, _ = self.io.get_omap_vals_by_keys(operation, (key,))
            try:
                with self.errors(name):
                    self.io.operate_read_op(operation, name)
            except FileNotFoundError:
                return None
            values = dict(found)
        return (values[key] or b"").decode() if key in values else None

    def index(self, name: str, key: str, *, is_urgent: bool = False) -> None:
        """
        Adds ``key`` to the keys of the index ``name``.  is_urgent: see ``change``.
        """
        with self.change(name, is_urgent=is_urgent) as operation:
            self.io.set_omap(operation, (key,), (b"",))

    def unindex(self, name: str, key: str) -> None:
        """
        Takes ``key`` from the index.
        """
        try:
            with self.change(name) as operation:
                self.must_exist(operation)
                self.io.remove_omap_keys(operation, (key,))
        except FileNotFoundError:
            pass

    def indexed(self, name: str, after: str = "", prefix: str = "") -> Iterator[str]:
        """
        Keys of the index after ``after``, sorted.
        """
        while True:
            with self.rados.ReadOpCtx() as operation:
                found, _ = self.io.get_omap_vals(operation, after, prefix, _PAGE)
                try:
                    with self.errors(name):
                        self.io.operate_read_op(operation, name)
                except FileNotFoundError:
                    return
                keys = [key for key, _ in found]
            yield from keys
            if not keys:
                return
            after = keys[-1]

    def size_and_time(self, name: str) -> tuple[int, float]:
        """
        Bytes, and when the object was changed (s since 1970).  Raises FileNotFoundError.
        """
        with self.errors(name):
            size, changed = self.io.stat(name)
        return size, time.mktime(changed)

    def read(self, name: str, size: int, offset: int = 0) -> bytes:
        """
        Content, short at the end of the object.  Raises FileNotFoundError.
        """
        with self.errors(name):
            return bytes(self.io.read(name, size, offset))

    def read_all(self, name: str) -> bytes:
        """
        All content, as it was at one time.  Raises FileNotFoundError.
        """
        size, _ = self.size_and_time(name)
        while len(content := self.read(name, size + 1)) > size:
            size = 2 * size + 4096  # it grew since
        return content

    def remove(self, name: str) -> None:
        """
        The object is gone; nothing happens if it was already.
        """
        try:
            with self.errors(name):
                self.io.remove_object(name)
        except FileNotFoundError:
            pass
