"""
Networking's tables.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from synnefo_tx.store.metadata import metadata

networks = Table(
    "networks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("shared", Boolean, nullable=False),
    Column("mtu", Integer, nullable=False),
    Column("link", String(15), nullable=False),  # bridge on the nodes
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
subnets = Table(
    "subnets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("network_id", ForeignKey("networks.id"), nullable=False, index=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("ip_version", Integer, nullable=False),
    Column("cidr", String(64), nullable=False),
    Column("gateway_ip", String(64)),
    Column("dns_nameservers", JSON, nullable=False),
    Column("pool_start", String(64), nullable=False),
    Column("pool_end", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
ports = Table(
    "ports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("network_id", ForeignKey("networks.id"), nullable=False, index=True),
    Column("subnet_id", ForeignKey("subnets.id"), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("mac_address", String(17), nullable=False, unique=True),
    Column("ip_address", String(64), nullable=False),
    # the address as a distance from its subnet's first one: numbers sort, texts of addresses don't
    Column("ip_offset", BigInteger, nullable=False),
    Column("device_id", String(64), nullable=False, index=True),
    Column("device_owner", String(64), nullable=False),
    Column("tag", String(60)),  # of the device, told to its guest
    Column("status", String(16), nullable=False),  # Neutron's: ACTIVE DOWN BUILD ERROR
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("subnet_id", "ip_offset"),
)
