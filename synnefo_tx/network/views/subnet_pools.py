"""
Subnet pools and address scopes as Neutron shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.network.views.resources import Json, standard


def subnet_pool(row: Any, tags: Sequence[str] = ()) -> Json:
    """
    A pool; lengths of prefixes are strings here, as they are there.
    """
    return standard(row, tags) | {
        "prefixes": row.prefixes,
        "default_prefixlen": str(row.default_prefixlen),
        "min_prefixlen": str(row.min_prefixlen),
        "max_prefixlen": str(row.max_prefixlen),
        "default_quota": row.default_quota,
        "address_scope_id": row.address_scope_id,
        "ip_version": row.ip_version,
        "is_default": row.is_default,
        "shared": row.shared,
    }


def address_scope(row: Any) -> Json:
    """
    A scope.
    """
    return {
        "id": row.id,
        "name": row.name,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "ip_version": row.ip_version,
        "shared": row.shared,
    }
