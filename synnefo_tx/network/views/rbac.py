"""
RBAC policies as Neutron shows them.  Pure.
"""

from __future__ import annotations

from typing import Any


def policy(row: Any) -> dict[str, Any]:
    """
    A policy.
    """
    return {
        "id": row.id,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "object_type": row.object_type,
        "object_id": row.object_id,
        "action": row.action,
        "target_tenant": row.target,
    }
