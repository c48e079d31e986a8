"""
Networking's tables.  Times are microseconds since the epoch (UTC).

`revision` is raised by every change of what its row tells.
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
    Text,
    UniqueConstraint,
)

from synnefo_tx.store.metadata import metadata

networks = Table(
    "networks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("project_id", String(64), nullable=False, index=True),
    Column("admin_state_up", Boolean, nullable=False, default=True),
    Column("shared", Boolean, nullable=False),
    Column("external", Boolean, nullable=False, default=False),
    Column("is_default", Boolean, nullable=False, default=False),
    Column("port_security", Boolean, nullable=False, default=True),  # of its ports to come
    Column("mtu", Integer, nullable=False),
    Column("link", String(15), nullable=False),  # bridge on the nodes, or vxlan:<segmentation_id>
    Column("segmentation_id", Integer, unique=True),
    Column("dns_domain", String(255), nullable=False, default=""),
    Column("zone_hints", JSON, nullable=False, default=list),
    Column("revision", Integer, nullable=False, default=1),
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
    Column("description", Text, nullable=False, default=""),
    Column("ip_version", Integer, nullable=False),
    Column("cidr", String(64), nullable=False),
    Column("gateway_ip", String(64)),
    Column("enable_dhcp", Boolean, nullable=False, default=True),
    Column("ra_mode", String(16)),
    Column("address_mode", String(16)),
    Column("dns_nameservers", JSON, nullable=False),
    Column("host_routes", JSON, nullable=False, default=list),
    Column("service_types", JSON, nullable=False, default=list),
    Column("allocation_pools", JSON, nullable=False),  # [{start, end}], in order
    Column("subnetpool_id", String(36), index=True),
    Column("revision", Integer, nullable=False, default=1),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
ports = Table(
    "ports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("network_id", ForeignKey("networks.id"), nullable=False, index=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("mac_address", String(17), nullable=False, unique=True),
    Column("admin_state_up", Boolean, nullable=False, default=True),
    Column("device_id", String(255), nullable=False, index=True),
    Column("device_owner", String(255), nullable=False),
    Column("tag", String(60)),  # of the device, told to its guest
    Column("status", String(16), nullable=False),  # Neutron's: ACTIVE DOWN BUILD ERROR
    Column("port_security", Boolean, nullable=False, default=True),
    Column("allowed_pairs", JSON, nullable=False, default=list),
    Column("dhcp_options", JSON, nullable=False, default=list),
    Column("dns_name", String(255), nullable=False, default=""),
    Column("vnic_type", String(64), nullable=False, default="normal"),
    Column("binding_host", String(255), nullable=False, default=""),
    Column("binding_profile", JSON, nullable=False, default=dict),
    # outlives the server it is plugged into, and is charged to its project alone; others are
    # charged with their server, and go with it
    Column("is_own", Boolean, nullable=False, default=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
port_addresses = Table(
    "port_addresses",
    metadata,
    Column("subnet_id", ForeignKey("subnets.id"), primary_key=True),
    Column("ip_address", String(64), primary_key=True),
    Column("port_id", ForeignKey("ports.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),  # among those of its port
    # the address as a distance from its subnet's first one: numbers sort, texts of addresses
    # don't; None for those of IPv6 that are too far for the column
    Column("ip_offset", BigInteger),
    UniqueConstraint("subnet_id", "ip_offset"),
)
resource_tags = Table(
    "resource_tags",
    metadata,
    Column("kind", String(32), primary_key=True),  # networks, subnets, ports, routers, ...
    Column("thing_id", String(36), primary_key=True),
    Column("tag", String(255), primary_key=True),
)
subnet_pools = Table(
    "subnet_pools",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("project_id", String(64), nullable=False, index=True),
    Column("ip_version", Integer, nullable=False),
    Column("prefixes", JSON, nullable=False),  # blocks, none within another
    Column("default_prefixlen", Integer, nullable=False),
    Column("min_prefixlen", Integer, nullable=False),
    Column("max_prefixlen", Integer, nullable=False),
    Column("default_quota", Integer),  # addresses (of IPv6: /64 blocks) for one project
    Column("address_scope_id", String(36), index=True),
    Column("is_default", Boolean, nullable=False, default=False),
    Column("shared", Boolean, nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
address_scopes = Table(
    "address_scopes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("ip_version", Integer, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
rbac_policies = Table(
    "rbac_policies",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("object_type", String(32), nullable=False),  # network
    Column("object_id", String(36), nullable=False),
    Column("action", String(32), nullable=False),  # access_as_shared, access_as_external
    Column("target", String(64), nullable=False, index=True),  # a project, or "*"
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("object_type", "object_id", "action", "target"),
)
