"""
Volumes.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table

from synnefo_tx.store.metadata import metadata

volumes = Table(
    "volumes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("server_id", String(36), index=True),
    Column("index", Integer, nullable=False),  # place among the server's disks, 0 boots
    Column("size_gib", Integer, nullable=False),
    Column("image_id", String(36)),
    Column("status", String(32), nullable=False),  # Cinder's: creating in-use error deleting
    Column("delete_on_termination", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
