"""
The kinds of things that identity keeps.
"""

from __future__ import annotations

from synnefo_tx.identity.rows import catalog_tables, delegation_tables, tables
from synnefo_tx.identity.rows.things import Kind

DOMAIN = Kind("domain", "domains", tables.domains)
PROJECT = Kind("project", "projects", tables.projects, references={"domain_id": DOMAIN})
USER = Kind("user", "users", tables.users, references={"domain_id": DOMAIN})
GROUP = Kind("group", "groups", tables.groups, references={"domain_id": DOMAIN})
ROLE = Kind("role", "roles", tables.roles, references={"domain_id": DOMAIN})
REGION = Kind("region", "regions", catalog_tables.regions)
SERVICE = Kind("service", "services", catalog_tables.services)
ENDPOINT = Kind(
    "endpoint",
    "endpoints",
    catalog_tables.endpoints,
    references={"service_id": SERVICE, "region_id": REGION},
)
POLICY = Kind("policy", "policies", catalog_tables.policies)
CONSUMER = Kind("consumer", "consumers", catalog_tables.consumers)
ENDPOINT_GROUP = Kind("endpoint_group", "endpoint_groups", catalog_tables.endpoint_groups)
REGISTERED_LIMIT = Kind("registered_limit", "registered_limits", catalog_tables.registered_limits)
CREDENTIAL = Kind(
    "credential", "credentials", delegation_tables.credentials, references={"user_id": USER}
)
APPLICATION_CREDENTIAL = Kind(
    "application_credential", "application_credentials", delegation_tables.application_credentials
)
ACCESS_RULE = Kind("access_rule", "access_rules", delegation_tables.access_rules)
TRUST = Kind("trust", "trusts", delegation_tables.trusts)
