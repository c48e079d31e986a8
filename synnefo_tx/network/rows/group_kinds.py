"""
Security groups and their rules as they are found.
"""

from __future__ import annotations

from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.network import group_errors as errors
from synnefo_tx.network.rows.group_tables import security_group_rules, security_groups
from synnefo_tx.network.rows.kinds import columns_of
from synnefo_tx.network.rows.lists import Kind

GROUPS = Kind(
    "security-groups",
    security_groups,
    errors.SecurityGroupNotFound,
    lambda caller: visible(security_groups, caller),
    columns_of(security_groups, "stateful"),
    {},
)
_RULES = security_group_rules.c
RULES = Kind(
    "security-group-rules",
    security_group_rules,
    errors.SecurityGroupRuleNotFound,
    lambda caller: visible(security_group_rules, caller),
    {
        "id": _RULES.id,
        "description": _RULES.description,
        "project_id": _RULES.project_id,
        "tenant_id": _RULES.project_id,
        "created_at": _RULES.created_at,
        "updated_at": _RULES.updated_at,
        "revision_number": _RULES.revision,
        "security_group_id": _RULES.group_id,
        "direction": _RULES.direction,
        "ethertype": _RULES.ethertype,
        "protocol": _RULES.protocol,
        "port_range_min": _RULES.port_min,
        "port_range_max": _RULES.port_max,
        "remote_ip_prefix": _RULES.remote_cidr,
        "remote_group_id": _RULES.remote_group_id,
    },
    {},
)
