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
    Column("owner", String(255)),
    Column("visibility", String(16), nullable=False),
    Column("status", String(32), nullable=False),  # queued saving active deactivated deleted
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
    Column("properties", JSON, nullable=False),
    Column("file_volume", String(120)),  # block volume with the bytes as uploaded
    Column("boot_volume", String(120)),  # sealed block volume that disks are cloned from
    Column("upload_id", String(36)),  # of the upload under way, while the status is saving
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_images_page", "created_at", "id"),
    Index("ix_images_owner_name", "owner", "name"),
)

image_tags = Table(
    "image_tags",
    metadata,
    Column("image_id", String(36), primary_key=True),
    Column("value", String(255), primary_key=True),
    Index("ix_image_tags_value", "value"),
)

image_members = Table(
    "image_members",
    metadata,
    Column("image_id", String(36), primary_key=True),
    Column("member", String(255), primary_key=True),
    Column("status", String(16), nullable=False),  # pending accepted rejected
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_image_members_member", "member"),
)

# Block volumes that no image owns (yet, or any more).  A volume is written here before it is
# made, and struck out in the transaction that gives it to its image: what stays here is garbage.
loose_volumes = Table(
    "image_loose_volumes",
    metadata,
    Column("volume", String(120), primary_key=True),
    Column("image_id", String(36), nullable=False),
    Column("upload_id", String(36)),  # null: nobody writes to it, delete at once
    Column("noted_at", BigInteger, nullable=False),  # an upload under way renews it
    Index("ix_image_loose_volumes_upload_id", "upload_id"),
)
