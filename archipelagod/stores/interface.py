"""
What a place to keep volumes must offer.  A new store provides this, and passes tests.contracts.

Several processes, of one host or many, may use a store at once.  Every method blocks, may be called
from any thread, and raises OSError when the medium fails (ENOSPC when it is full).
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import Attribute, Interface


class IObjects(Interface):
    """
    The pool of objects: up to 4 MiB each, named by a 64-bit number (session in the upper half)
    that is never used twice.
    """

    def create(oid: int) -> None:
        """
        An empty object.  Raises FileExistsError.
        """

    def read_into(oid: int, offset: int, view: memoryview) -> int:
        """
        Fills ``view`` from ``offset`` (bytes); the count is short at the end of the object.
        Raises FileNotFoundError.
        """

    def read_now(oid: int, offset: int, view: memoryview) -> bool:
        """
        As ``read_into`` if the medium need not be waited for, and all of ``view`` is there; or
        False.
        """

    def write(oid: int, offset: int, data: bytes | memoryview) -> None:
        """
        Writes all of ``data`` at ``offset`` (bytes); a gap before it reads as zeros.  Raises
        FileNotFoundError.
        """

    def copy_range(source: int, target: int, offset: int, size: int) -> None:
        """
        The range of ``target`` reads as that of ``source``, zeros beyond its end included.  Content
        is shared where the medium can, and holes take no space.

        Both must exist; the target may end where only zeros would follow.  Raises
        FileNotFoundError.
        """

    def zero(oid: int, offset: int, size: int) -> None:
        """
        The range reads as zeros, and takes no space where the medium can free it.  The object may
        then end where the range began, if it ended in it.  Raises FileNotFoundError.
        """

    def prefetch(oid: int, offset: int, size: int) -> None:
        """
        A hint that the range is about to be read.  Never raises.
        """

    def start_writing(oids: Iterable[int]) -> None:
        """
        A hint that these objects are about to be flushed.  Never raises.
        """

    def flush(oids: Iterable[int]) -> None:
        """
        Returns when content and existence of these objects are on stable storage.  A missing
        object is passed over.
        """

    def flush_all() -> None:
        """
        As ``flush`` for everything written so far by any process of this host.
        """

    def remove(oid: int) -> None:
        """
        The object is gone; nothing happens if it was already.
        """

    def of_session(session: int) -> list[int]:
        """
        Names of the objects whose upper half is ``session``.
        """

    def sessions() -> list[int]:
        """
        Sessions that have objects, sorted; some that had and are not tidied may be among them.
        """

    def tidy(session: int) -> None:
        """
        Forgets what is kept for a session without objects (empty directories).  Nobody may create
        in it any more.
        """

    def space(oid: int) -> int:
        """
        Bytes that the object takes on the medium.  Raises FileNotFoundError.
        """

    def fd(oid: int) -> int | None:
        """
        A descriptor for reading and writing the object, open as long as the very value returned is
        referenced; None if the store has none.  Raises FileNotFoundError.
        """

    def close() -> None:
        """
        Lets go of everything that is held open.
        """


class ILog(Interface):
    """
    A record that grows at its end.  Whoever reads it may find more after what was appended: zeros,
    or what was there before ``restart``.
    """

    def append(data: bytes | bytearray) -> None:
        """
        Adds ``data``: it survives this process at once, and the machine after ``sync``.  A log that
        was replaced or removed may take it and lose it, or raise OSError.

        Raises OSError when nothing was added, InDoubt (which is one) when that is not known: then
        nothing more may be appended.
        """

    def sync() -> None:
        """
        Returns when everything appended is on stable storage.
        """

    def restart(start: bytes) -> None:
        """
        Begins anew with ``start``, of at most 512 bytes, in place of the first of what is there.
        It is on stable storage then; a power cut before leaves the old bytes or the new ones, not
        some of each.  Raises OSError, also when the log was replaced, if the store can tell.
        """

    def close() -> None:
        """
        Lets go of the log; it stays in the store.
        """


class IRecords(Interface):
    """
    Small named values in rooms.  A room is a short lower-case word; a name is 1-140 characters of
    ``[A-Za-z0-9._-]``.
    """

    def get(room: str, name: str, size: int = -1) -> bytes:
        """
        The value, or its first ``size`` bytes.  Raises FileNotFoundError.
        """

    def view(room: str, name: str) -> memoryview:
        """
        The value as it is now, to read and to change: changes stay with the caller.  Loaded as it
        is looked at, where the store can.  Raises FileNotFoundError.
        """

    def stamp(room: str, name: str) -> float:
        """
        When the value was put or last appended to, in seconds since 1970 by the clock of the
        store, or of who put it.  Raises FileNotFoundError.
        """

    def put(room: str, name: str, value: bytes) -> None:
        """
        Makes or replaces the value, atomically, on stable storage.
        """

    def create(room: str, name: str, value: bytes) -> None:
        """
        As ``put``, but raises FileExistsError when there is a value; of several processes that
        create the same one succeeds.
        """

    def move(room: str, name: str, to_room: str, to_name: str) -> None:
        """
        Renames, on stable storage; of several that move onto the same name one succeeds.  After a
        power cut in the midst of it some stores have the value under both names; moving it again
        ends that.

        Raises FileNotFoundError, FileExistsError.
        """

    def remove(room: str, name: str) -> None:
        """
        The value is gone; nothing happens if it was already.
        """

    def names(room: str, after: str = "", limit: int | None = None, prefix: str = "") -> list[str]:
        """
        Names in the room that begin with ``prefix`` and sort after ``after``, sorted; at most
        ``limit``.  Values may be missing that were being made or removed when their writer died.
        """

    def log(room: str, name: str, start: bytes, replaces: bool = False) -> ILog:
        """
        A log that holds ``start``, on stable storage.

        replaces: in place of what was there, atomically; or raise FileExistsError.
        """


class IBlocks(Interface):
    """
    Immutable blocks of up to 4 MiB, named by their content: a key is the 32 bytes of the SHA-256 of
    the content without the zeros at its end.  The empty block is always there and takes no space.
    """

    def put(key: bytes, data: bytes) -> bool:
        """
        The block is on stable storage, whole.  False if it was there already.

        A block found with another length is damaged, and replaced.  The caller answers for the key.
        """

    def get(key: bytes) -> bytes:
        """
        The content, without zeros at its end.  Raises FileNotFoundError, BlockDamaged when it is
        not what the key says.
        """

    def read_into(key: bytes, offset: int, view: memoryview) -> int:
        """
        As that of IObjects.  The content is not verified.
        """

    def read_now(key: bytes, offset: int, view: memoryview) -> bool:
        """
        As that of IObjects.  The content is not verified.
        """

    def prefetch(key: bytes, offset: int, size: int) -> None:
        """
        A hint that the range is about to be read.  Never raises.
        """

    def fd(key: bytes) -> int | None:
        """
        As that of IObjects, for reading; None also for the empty block.
        """

    def have(keys: Iterable[bytes]) -> list[bytes]:
        """
        Those of ``keys`` that are missing, each once, in the order given.  The others count as
        put again.
        """

    def remove(key: bytes) -> None:
        """
        The block is gone; nothing happens if it was already.
        """

    def keys(after: bytes = b"", limit: int | None = None) -> list[bytes]:
        """
        Keys that sort after ``after``, sorted; at most ``limit``.
        """

    def space(key: bytes) -> int:
        """
        Bytes that the block takes on the medium.  Raises FileNotFoundError.
        """

    def stamp(key: bytes) -> float:
        """
        When the block was last put, to the minute, in seconds since 1970 by the store's clock; a
        collector spares what is young.  Raises FileNotFoundError.
        """

    def close() -> None:
        """
        Lets go of everything that is held open.
        """


class ILease(Interface):
    """
    The right to be the only one, until it is released or the process dies.
    """

    name = Attribute("What the lease is for.")

    def check() -> None:
        """
        Returns if the lease is still held here.  Raises LeaseLost.
        """

    def release() -> None:
        """
        Lets go; nothing happens if that was done, or if the lease was lost.
        """


class ILeases(Interface):
    """
    Leases by name; names are as those of records.
    """

    def acquire(name: str, holder: bytes) -> ILease:
        """
        The lease.  ``holder`` tells others who has it.  Raises LeaseHeld.
        """

    def holder(name: str) -> bytes | None:
        """
        Who has the lease; None if nobody has.
        """

    def take_away(name: str) -> None:
        """
        Ends the lease of whoever has it, who finds out at ``check``; in Ceph, all its leases.
        """
