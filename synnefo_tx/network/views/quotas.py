"""
Quotas as Neutron shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.quota.model import Holding

Json = dict[str, Any]


def limits(found: Mapping[str, Holding]) -> Json:
    """
    Limits alone.
    """
    return {"quota": {name: holding.limit for name, holding in found.items()}}


def details(found: Mapping[str, Holding]) -> Json:
    """
    Limits and what is used.
    """
    return {
        "quota": {
            name: {
                "limit": holding.limit,
                "used": holding.used - holding.pending,
                "reserved": holding.pending,
            }
            for name, holding in found.items()
        }
    }


def listed(found: Mapping[str, Mapping[str, int]]) -> Json:
    """
    Limits of several projects.
    """
    return {
        "quotas": [
            {**quota, "tenant_id": project_id, "project_id": project_id}
            for project_id, quota in found.items()
        ]
    }
