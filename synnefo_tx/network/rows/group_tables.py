"""
Security groups' tables.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

from synnefo_tx.store.metadata import metadata

security_groups = Table(
    "security_groups",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("default_of", String(64), unique=True),  # the project whose default group it is
    Column("stateful", Boolean, nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
security_group_rules = Table(
    "security_group_rules",
    metadata,
    Column("id", String(36), primary_key=True),
    Column(
        "group_id",
        ForeignKey("security_groups.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("project_id", String(64), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("direction", String(16), nullable=False),  # ingress or egress
    Column("ethertype", String(8), nullable=False),  # IPv4 or IPv6
    Column("protocol", String(40)),  # as it was said; None is any
    Column("port_min", Integer),  # of ICMP the type
    Column("port_max", Integer),  # of ICMP the code
    Column("remote_cidr", String(64)),
    Column("remote_group_id", ForeignKey("security_groups.id", ondelete="CASCADE"), index=True),
    Column("revision", Integer, nullable=False, default=1),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
port_security_groups = Table(
    "port_security_groups",
    metadata,
    Column("port_id", ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ForeignKey("security_groups.id"), primary_key=True, index=True),
)
