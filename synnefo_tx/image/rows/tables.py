"""
Images.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table

from synnefo_tx.store.metadata import metadata

images = Table(
    "images",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255)),
    Column("owner", String(64), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("status", String(32), nullable=False),  # Glance's: queued saving active killed deleted
    Column("disk_format", String(32)),
    Column("container_format", String(32)),
    Column("size", BigInteger),  # bytes of the file as uploaded
    Column("virtual_size", BigInteger),  # bytes of the disk in it
    Column("checksum", String(32)),
    Column("os_hash_algo", String(64)),
    Column("os_hash_value", String(128)),
    Column("min_disk", Integer, nullable=False),
    Column("min_ram", Integer, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("os_hidden", Boolean, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("properties", JSON, nullable=False),
    Column("file_volume", String(120)),  # block volume with the bytes as uploaded
    Column("boot_volume", String(120)),  # sealed block volume that disks are cloned from
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_images_page", "created_at", "id"),
)
