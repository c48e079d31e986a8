"""
Security groups and rules as Neutron shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.network.views.resources import moment, standard

Json = dict[str, Any]


def group(row: Any, rules: Sequence[Any], tags: Sequence[str]) -> Json:
    """
    A group with its rules.
    """
    return standard(row, tags) | {
        "stateful": row.stateful,
        "security_group_rules": [rule(one) for one in rules],
    }


def rule(row: Any) -> Json:
    """
    What a group lets through.
    """
    return {
        "id": row.id,
        "description": row.description,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "revision_number": row.revision,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "security_group_id": row.group_id,
        "direction": row.direction,
        "ethertype": row.ethertype,
        "protocol": row.protocol,
        "port_range_min": row.port_min,
        "port_range_max": row.port_max,
        "remote_ip_prefix": row.remote_cidr,
        "normalized_cidr": row.remote_cidr,
        "remote_group_id": row.remote_group_id,
        "remote_address_group_id": None,
    }
