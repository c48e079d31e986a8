"""
/subnetpools and /address-scopes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.api.resource import Json, Resource, serve
from synnefo_tx.network.api.tags import serve_tags
from synnefo_tx.network.rows import subnet_pools as rows
from synnefo_tx.network.rows import tags
from synnefo_tx.network.rules.address_scopes import ADDRESS_SCOPE
from synnefo_tx.network.rules.subnet_pools import SUBNET_POOL
from synnefo_tx.network.views import subnet_pools as views


def _see_pools(connection: Connection, found: Sequence[Any], _: Caller) -> list[Json]:
    tagged = tags.of_things(connection, "subnetpools", [row.id for row in found])
    return [views.subnet_pool(row, tagged.get(row.id, ())) for row in found]


def _see_scopes(_: Connection, found: Sequence[Any], __: Caller) -> list[Json]:
    return [views.address_scope(row) for row in found]


POOL = Resource(
    "subnetpool",
    rows.SUBNET_POOLS,
    SUBNET_POOL,
    _see_pools,
    rows.create,
    rows.change,
    rows.remove,
)
SCOPE = Resource(
    "address_scope",
    rows.ADDRESS_SCOPES,
    ADDRESS_SCOPE,
    _see_scopes,
    rows.create_scope,
    rows.change_scope,
    rows.remove_scope,
)


def add_routes(service: Service) -> None:
    """
    Serve both.
    """
    serve(service, POOL)
    serve_tags(service, POOL)
    serve(service, SCOPE)
