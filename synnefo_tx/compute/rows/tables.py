"""
Compute's tables.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from synnefo_tx.store.metadata import metadata

flavors = Table(
    "flavors",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("vcpus", Integer, nullable=False),
    Column("ram_mib", Integer, nullable=False),
    Column("disk_gib", Integer, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("description", Text),
    Column("extra_specs", JSON, nullable=False),
    Column("swap_mib", Integer, nullable=False, server_default="0"),
    Column("ephemeral_gib", Integer, nullable=False, server_default="0"),
    Column("rxtx_factor", Float, nullable=False, server_default="1"),
)
flavor_access = Table(  # of flavors that are not public
    "flavor_access",
    metadata,
    Column("flavor_id", String(255), primary_key=True),
    Column("project_id", String(64), primary_key=True),
)
keypairs = Table(
    "keypairs",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("fingerprint", String(255), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
clusters = Table(
    "clusters",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("rapi_url", String(255), nullable=False),  # https://host:5080
    Column("rapi_user", String(64), nullable=False),
    Column("rapi_password", Text, nullable=False),
    Column("ca_file", Text),  # PEM of the certificate that the cluster must show
    Column("drained", Boolean, nullable=False),
    Column("console_url", String(255)),  # http(s)://host:6080, where its console proxy is reached
    Column("node_groups", JSON),  # names; None until it is asked
)
servers = Table(
    "servers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", String(255)),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("reservation_id", String(32), nullable=False),  # of the request that made it
    Column("launch_index", Integer, nullable=False),  # place among the servers of that request
    Column("cluster_id", ForeignKey("clusters.id"), nullable=False),
    Column("availability_zone", String(255)),  # as asked for
    Column("hostname", String(255), nullable=False),
    Column("flavor_id", String(255), nullable=False, index=True),
    Column("flavor", JSON, nullable=False),  # as it was then: name, vcpus, ram, disk, ...
    Column("image_id", String(36)),
    Column("key_name", String(255)),
    Column("metadata", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("config_drive", Boolean, nullable=False),  # asked for; every guest gets one
    Column("user_data", Text),
    Column("access_ipv4", String(64)),
    Column("access_ipv6", String(64)),
    Column("disk_config", String(8), nullable=False),  # AUTO or MANUAL
    Column("security_groups", JSON, nullable=False),  # names
    Column("host", String(255)),
    Column("vm_state", String(32), nullable=False),  # Nova's: building active stopped error deleted
    Column("task_state", String(32)),  # Nova's: scheduling spawning powering-on deleting ...
    Column("power_state", Integer, nullable=False),  # Nova's: 0 none, 1 running, 4 shut down
    Column("progress", Integer, nullable=False),
    Column("fault", JSON),  # {code, message, created}
    Column("reserved", JSON, nullable=False),  # what it holds of the project's quota
    Column("as_of", BigInteger, nullable=False),  # time of the newest news believed
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("launched_at", BigInteger),
    Column("deleted_at", BigInteger),
    Column("locked_by", String(8)),  # owner or admin
    Column("locked_reason", String(255)),
    Column("node", String(255)),  # of its cluster, as last told
    Column("resize", JSON),  # what it was before, until it is confirmed or reverted
    Column("rescue", JSON),  # what it runs of meanwhile
    Column("shelve", JSON),  # the image it is made of again
    Column("soft_deleted_at", BigInteger),
    Column("password", Text),  # sealed by the guest for its owner's key pair
    Index("ix_servers_project_page", "project_id", "created_at", "id"),
)
