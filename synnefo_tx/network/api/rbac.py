"""
/rbac-policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.api.resource import Json, Resource, serve
from synnefo_tx.network.rows import rbac as rows
from synnefo_tx.network.rules.rbac import RBAC_POLICY
from synnefo_tx.network.views.rbac import policy


def _see(_: Connection, found: Sequence[Any], __: Caller) -> list[Json]:
    return [policy(row) for row in found]


POLICY = Resource(
    "rbac_policy", rows.RBAC_POLICIES, RBAC_POLICY, _see, rows.create, rows.change, rows.remove
)


def add_routes(service: Service) -> None:
    """
    Serve policies.
    """
    serve(service, POLICY)
