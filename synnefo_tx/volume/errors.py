"""
What the volume API refuses, with Cinder's texts.
"""

from __future__ import annotations

from synnefo_tx import errors


class VolumeNotFound(errors.NotFound):
    """
    No such volume, or not the caller's.
    """

    def __init__(self, volume_id: str) -> None:
        super().__init__(f"Volume {volume_id} could not be found.")


class SnapshotNotFound(errors.NotFound):
    """
    No such snapshot, or not the caller's.
    """

    def __init__(self, snapshot_id: str) -> None:
        super().__init__(f"Snapshot {snapshot_id} could not be found.")


class AttachmentNotFound(errors.NotFound):
    """
    No such attachment, or of a volume that is not the caller's.
    """

    def __init__(self, attachment_id: str) -> None:
        super().__init__(f"Volume attachment could not be found with filter: {attachment_id}.")


class TransferNotFound(errors.NotFound):
    """
    No such transfer, or not the caller's.
    """

    def __init__(self, transfer_id: str) -> None:
        super().__init__(f"Transfer {transfer_id} could not be found.")


class MetadataNotFound(errors.NotFound):
    """
    The thing has no metadata of that key.  kind: Volume or Snapshot.
    """

    def __init__(self, kind: str, thing_id: str, key: str) -> None:
        super().__init__(f"{kind} {thing_id} has no metadata with key {key}.")


class TypeNotFound(errors.NotFound):
    """
    No such type of volumes.
    """

    def __init__(self, name: str, by: str = "type with name") -> None:
        super().__init__(f"Volume {by} {name} could not be found.")


class InvalidVolume(errors.BadRequest):
    """
    The volume does not allow this now.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid volume: {reason}")


class InvalidSnapshot(errors.BadRequest):
    """
    The snapshot does not allow this now.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid snapshot: {reason}")


class InvalidInput(errors.BadRequest):
    """
    Values that don't fit each other, or what there is.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid input received: {reason}")


class SizeExceedsLimit(errors.BadRequest):
    """
    One volume that is too large, both in GiB.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"Requested volume size {size}GB is larger than maximum allowed limit {limit}GB."
        )


class VolumesExceeded(errors.OverQuota):
    """
    The project has as many volumes as it may.
    """

    def __init__(self, allowed: int) -> None:
        super().__init__(
            f"VolumeLimitExceeded: Maximum number of volumes allowed ({allowed}) exceeded for "
            "quota 'volumes'."
        )


class SnapshotsExceeded(errors.OverQuota):
    """
    The project has as many snapshots as it may.
    """

    def __init__(self, allowed: int) -> None:
        super().__init__(
            f"SnapshotLimitExceeded: Maximum number of snapshots allowed ({allowed}) exceeded"
        )


class GigabytesExceeded(errors.OverQuota):
    """
    The project's space does not suffice; all in GiB.
    """

    def __init__(self, asked: int, limit: int, used: int) -> None:
        super().__init__(
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed "
            f"gigabytes quota. Requested {asked}G, quota is {limit}G and {used}G has been consumed."
        )
