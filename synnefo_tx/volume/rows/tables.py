"""
Volumes.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    true,
)

from synnefo_tx.store.metadata import metadata

volumes = Table(
    "volumes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("project_id", String(64), nullable=False, index=True),
    Column("user_id", String(64), nullable=False, server_default=""),
    # A disk that is made and goes with its server, and charged with it: no volume to Cinder.
    Column("is_local", Boolean, nullable=False, server_default=true()),
    Column("server_id", String(36), index=True),  # of a local one
    Column("index", Integer, nullable=False),  # place of a local one among its server's disks
    Column("size_gib", Integer, nullable=False),
    Column("image_id", String(36)),
    Column("snapshot_id", String(36)),
    Column("source_volume_id", String(36)),
    Column("status", String(32), nullable=False),  # Cinder's: creating in-use error deleting
    Column("previous_status", String(32)),
    Column("bootable", Boolean, nullable=False, server_default=false()),
    Column("read_only", Boolean),  # None: nobody has said
    Column("metadata", JSON, nullable=False, server_default="{}"),
    Column("image_metadata", JSON),
    Column("reserved", JSON),  # what it is charged itself
    Column("delete_on_termination", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_volumes_page", "project_id", "created_at", "id"),
)
snapshots = Table(
    "snapshots",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("volume_id", String(36), nullable=False, index=True),
    Column("name", String(255)),
    Column("description", Text),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("status", String(32), nullable=False),  # creating available deleting error
    Column("size_gib", Integer, nullable=False),
    Column("progress", String(255)),  # as whoever copies it says
    Column("metadata", JSON, nullable=False),
    Column("reserved", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_snapshots_page", "project_id", "created_at", "id"),
)
attachments = Table(
    "attachments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("volume_id", String(36), nullable=False, index=True),
    Column("server_id", String(36), index=True),
    Column("host_name", String(255)),
    Column("is_plugged", Boolean, nullable=False),  # by compute, into a server
    Column("status", String(16), nullable=False),  # reserved attaching attached detaching
    Column("mode", String(2), nullable=False),  # rw ro
    Column("mountpoint", String(255)),
    Column("tag", String(80)),
    Column("delete_on_termination", Boolean, nullable=False),
    Column("connector", JSON),
    Column("created_at", BigInteger, nullable=False),
    Column("attached_at", BigInteger),
)
transfers = Table(
    "volume_transfers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("volume_id", String(36), nullable=False, unique=True),
    Column("name", String(255)),
    Column("project_id", String(64), nullable=False, index=True),
    Column("salt", String(32), nullable=False),
    Column("digest", String(64), nullable=False),  # of the key that takes it
    Column("no_snapshots", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
block_works = Table(
    "block_works",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("serial", BigInteger, nullable=False),  # order of one target's works
    Column("kind", String(32), nullable=False),  # volume.create, snapshot.delete, ...
    Column("target", String(36), nullable=False),  # id of the volume or snapshot
    Column("steps", JSON, nullable=False),  # [[call of IBlocks, arguments...]]
    Column("context", JSON, nullable=False),  # for its end
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("error", Text),
    Index("ix_block_works_due", "next_try_at"),
    Index("ix_block_works_target_order", "target", "serial"),
)
