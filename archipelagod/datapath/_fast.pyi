# ruff: noqa: PYI021 -- this is where users look: there is no Python behind it
from collections.abc import Callable
from typing import TypeAlias

NBD_SIMPLE: int
NBD_STRUCTURED: int
BLOCK_FRAMES: int
MOST_GROUPS: int

_Counters: TypeAlias = tuple[int, int, tuple[int, ...]]
_Punted: TypeAlias = tuple[bytes, bytes, int]
Flushed: TypeAlias = Callable[[bool, bytes, int], None]

def set_most_direct(most: int, /) -> None:
    """Entries with descriptors in all tables together; each table may have 16 in any case."""

def gather(parts: list[tuple[int, int, int, int]], tag: int, salt: int, /) -> bytearray:
    """
    DATA records of a journal with their content: (descriptor, object, offset in it, bytes).  What
    is beyond an end are zeros.  Raises OSError.
    """

class Table:
    """
    What may be read and written without Python, by index of 4 MiB.  Any thread may call.

    An entry is installed only if nothing changed since ``generation``, and none is there.
    """

    def __init__(self, size_bytes: int, direct_limit: int) -> None: ...
    @property
    def generation(self) -> int: ...
    def install(
        self,
        index: int,
        fd: int,
        parent_fd: int,
        bitmap: bytes | None,
        is_writable: bool,
        keep: object,
        generation: int,
        /,
    ) -> bool: ...
    def install_zeros(self, index: int, generation: int, /) -> bool: ...
    def install_slow(self, index: int, generation: int, /) -> bool:
        """Only Python can: requests are returned without asking for the entry."""
    def forget(self, index: int, /) -> None: ...
    def fill(self, index: int, first: int, count: int, /) -> None: ...
    def freeze(self) -> None: ...
    def resize(self, size_bytes: int, /) -> None:
        """Forgets all entries, too."""
    def take_written(self) -> tuple[list[int], list[tuple[int, int, int]] | None]:
        """
        Indexes of what was written since the last call, and the ranges (index, offset in it,
        bytes) unless there were too many.
        """
    def bypass(self, is_bypassed: bool, /) -> None:
        """Whether loops are to return what they receive."""
    def wait_for_flushes(self, group: int, /) -> int:
        """
        Returns when loops asked for flushes, or after ``wake``: how many are to be performed now,
        as the group of that number (0 to MOST_GROUPS - 1), which no other thread uses.  Before the
        first call loops leave flushes to their callers.
        """
    def wake(self) -> None:
        """Makes ``wait_for_flushes`` return."""
    def flushed(self, group: int, is_done: bool, /) -> list[tuple[Flushed, bytes, int]]:
        """
        What to call of the flushes of the group, by loop: with ``is_done``, the replies, or the
        requests if they failed, and how many they are.
        """
    def statistics(self) -> tuple[_Counters, _Counters, _Counters]:
        """
        Of reads, writes and flushes: bytes, microseconds, requests that took less than 2^n of them.
        """

class SendLock:
    """
    As threading.Lock; whoever asks without waiting and does not get it makes a loop return ().
    """

    def acquire(self, blocking: bool = True) -> bool: ...
    def release(self) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...

class Loop:
    """
    Serves the socket ``fd``, of which ``received`` was read before.

    flushed: what becomes of flushes, see Table.flushed; without it they are the caller's.
    awake: times so far that requests were waited for without sleeping, and came.
    """

    @property
    def awake(self) -> int: ...
    def __init__(
        self,
        fd: int,
        table: Table,
        lock: SendLock,
        codec: int,
        received: bytes,
        flushed: Flushed = ...,
    ) -> None: ...
    def take_flushes(self) -> int:
        """How many were left to the table since the last call."""
    def rest(self, most: int) -> bytes:
        """
        The whole requests that were received and not yet served, ``most`` of them at most: they
        are the caller's from here on.
        """

    def run(self) -> int | bytes | tuple[()] | _Punted | None:
        """
        Returns when Python is needed, and is to be called again afterwards:

        - None: the client is gone;
        - an index whose entry is not known;
        - (): what was posted is to be sent;
        - bytes that were received and not served, because the table is bypassed;
        - head and payload of a request that is to be performed, and how much was written already of
          a payload whose rest this is.
        """
