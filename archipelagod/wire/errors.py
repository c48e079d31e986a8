"""
What storage can refuse.  Every error has a number on the wire and the same class on both sides of
it.
"""

from __future__ import annotations


class StorageError(Exception):
    """
    Any refusal of storage; ``str()`` is one line that names the volume or the reason.
    """

    status = 1


class NoSuchVolume(StorageError):
    """
    There is no volume of that name.
    """

    status = 2


class VolumeExists(StorageError):
    """
    The name is taken.
    """

    status = 3


class VolumeBusy(StorageError):
    """
    The volume is open elsewhere; the request may succeed once it is closed.
    """

    status = 4


class NotReadOnly(StorageError):
    """
    The origin of a clone must be a snapshot or a sealed volume.
    """

    status = 5


class ReadOnlyVolume(StorageError):
    """
    A snapshot or sealed volume takes no writes.
    """

    status = 6


class TooSmall(StorageError):
    """
    A clone can't be smaller than its origin.
    """

    status = 7


class OutOfRange(StorageError):
    """
    The range ends beyond the volume, or the size is beyond what a volume may have.
    """

    status = 8


class NoSpace(StorageError):
    """
    The store is full.
    """

    status = 9


class StorageUnavailable(StorageError):
    """
    Storage did not answer, or failed to read or write: nothing is known of the outcome.
    """

    status = 10


class NotAuthenticated(StorageError):
    """
    The peer did not prove that it knows the shared secret.
    """

    status = 11


class BadRequest(StorageError):
    """
    The request makes no sense: a bad volume name, an unknown operation, a malformed argument.
    """

    status = 12


class Protected(StorageError):
    """
    The volume is protected: it is neither deleted nor overwritten until that is taken back.
    """

    status = 13


class NotAuthorized(StorageError):
    """
    The peer is known, but may not do that.
    """

    status = 14


class LeaseLost(StorageError):
    """
    Another host took the volume over: nothing is written here any more.
    """

    status = 15


class NoSuchBlock(StorageError):
    """
    There is no content-addressed block of that hash.
    """

    status = 16


class BlockDamaged(StorageError):
    """
    A content-addressed block does not have the content that its hash says.
    """

    status = 17


BY_STATUS: dict[int, type[StorageError]] = {
    kind.status: kind
    for kind in (
        StorageError,
        NoSuchVolume,
        VolumeExists,
        VolumeBusy,
        NotReadOnly,
        ReadOnlyVolume,
        TooSmall,
        OutOfRange,
        NoSpace,
        StorageUnavailable,
        NotAuthenticated,
        BadRequest,
        Protected,
        NotAuthorized,
        LeaseLost,
        NoSuchBlock,
        BlockDamaged,
    )
}
