"""
Quotas and resources as Synnefo shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from synnefo_tx.quota.model import Holding, InProject

Json = dict[str, Any]
INFINITE = 2**63 - 1


def shown(limit: int) -> int:
    """
    A limit of ours by Synnefo's numbers, which know none without an end.
    """
    return limit if limit >= 0 else INFINITE


def resource_views(rows: Iterable[Any]) -> Json:
    """
    The resources that users may see.
    """
    return {
        row.name: {
            "unit": row.unit,
            "description": row.description,
            "service": f"{row.service}_{_KINDS.get(row.service, 'account')}",
            "allow_in_projects": row.api_visible,
            "ui_visible": row.ui_visible,
            "api_visible": row.api_visible,
        }
        for row in rows
        if row.api_visible
    }


_KINDS = {"cyclades": "compute", "pithos": "object-store", "astakos": "account"}


def in_projects(found: Mapping[str, Mapping[str, InProject]]) -> Json:
    """
    What one user has of each project.
    """
    return {
        project_id: {name: _member(one) for name, one in own.items()}
        for project_id, own in found.items()
    }


def of_users(found: Mapping[str, Mapping[str, Mapping[str, InProject]]]) -> Json:
    """
    The same of several users.
    """
    return {user_id: in_projects(own) for user_id, own in found.items()}


def _member(one: InProject) -> Json:
    return {
        "usage": one.member.used,
        "limit": shown(one.member.limit),
        "pending": one.member.pending,
        **_project(one.project),
    }


def _project(holding: Holding) -> Json:
    return {
        "project_usage": holding.used,
        "project_limit": shown(holding.limit),
        "project_pending": holding.pending,
    }


def of_projects(found: Mapping[str, Mapping[str, Holding]]) -> Json:
    """
    What projects have as a whole.
    """
    return {
        project_id: {name: _project(one) for name, one in own.items()}
        for project_id, own in found.items()
    }
