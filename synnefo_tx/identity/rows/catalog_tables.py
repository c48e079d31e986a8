"""
Tables of the catalog and of what Keystone keeps beside it: limits, policies, consumers.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from synnefo_tx.identity.rows.tables import extra
from synnefo_tx.store.metadata import metadata

regions = Table(
    "regions",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("description", Text, nullable=False, server_default=""),
    Column("parent_region_id", ForeignKey("regions.id"), index=True),
    extra(),
)
services = Table(
    "services",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("type", String(255), nullable=False, index=True),
    Column("name", String(255)),
    Column("description", Text),
    Column("enabled", Boolean, nullable=False),
    extra(),
)
endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False, index=True),
    Column("region_id", ForeignKey("regions.id"), index=True),
    Column("interface", String(8), nullable=False),  # public, internal, admin
    Column("url", Text, nullable=False),  # beginning with "/": below the cloud's own root
    Column("enabled", Boolean, nullable=False),
    extra(),
)
registered_limits = Table(
    "registered_limits",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False, index=True),
    Column("region_id", String(255), nullable=False, server_default=""),  # "": of no region
    Column("resource_name", String(255), nullable=False),
    Column("default_limit", BigInteger, nullable=False),
    Column("description", Text),
    UniqueConstraint("service_id", "region_id", "resource_name"),
)
limits = Table(
    "limits",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("registered_limit_id", ForeignKey("registered_limits.id"), nullable=False, index=True),
    Column("holder_kind", String(8), nullable=False),  # "project" or "domain"
    Column("holder_id", String(64), nullable=False),
    Column("resource_limit", BigInteger, nullable=False),
    Column("description", Text),
    UniqueConstraint("holder_kind", "holder_id", "registered_limit_id"),
)
policies = Table(
    "policies",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("type", String(255), nullable=False),
    Column("blob", JSON, nullable=False),
    extra(),
)
consumers = Table(
    "oauth1_consumers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("description", Text),
    Column("secret", String(64), nullable=False),
    extra(),
)
endpoint_groups = Table(
    "endpoint_groups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("filters", JSON, nullable=False),
)
project_endpoint_groups = Table(
    "project_endpoint_groups",
    metadata,
    Column("endpoint_group_id", ForeignKey("endpoint_groups.id"), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), primary_key=True, index=True),
)
project_endpoints = Table(
    "project_endpoints",
    metadata,
    Column("endpoint_id", ForeignKey("endpoints.id"), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), primary_key=True, index=True),
)
domain_options = Table(
    "domain_options",
    metadata,
    Column("domain_id", ForeignKey("domains.id"), primary_key=True),
    Column("group", String(255), primary_key=True),
    Column("option", String(255), primary_key=True),
    Column("value", JSON, nullable=False),
)
