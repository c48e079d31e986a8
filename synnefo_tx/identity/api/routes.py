"""
The identity API: Keystone v3.
"""

from __future__ import annotations

from collections.abc import Callable

from synnefo_tx.http.dialects import KEYSTONE
from synnefo_tx.http.router import Router
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.api import (
    consumers,
    domains,
    endpoint_filters,
    grants,
    groups,
    implied_roles,
    own_scopes,
    policies,
    project_tags,
    projects,
    regions,
    role_assignments,
    roles,
    services,
    tokens,
    users,
    versions,
)
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.catalog_cache import CatalogCache
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.permission_table import PERMISSIONS
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.store.database import Database

_RESOURCES = (
    tokens,
    own_scopes,
    domains,
    projects,
    project_tags,
    users,
    groups,
    roles,
    implied_roles,
    grants,
    role_assignments,
    regions,
    services,
    endpoint_filters,
    policies,
    consumers,
)


def identity_router(
    database: Database,
    box: TokenBox,
    passwords: Passwords,
    clock: Callable[[], float],
    public_url: str | None,
    authenticator: Authenticator,
) -> Router:
    """
    The routes below /identity.

    authenticator: the one that the other services of this process use too, so that a token which
    is revoked here is refused by them at once.  clock: seconds since the epoch.
    """
    router = Router(
        prefix="identity",
        dialect=KEYSTONE,
        authenticate=authenticator,
        permitted=Permissions(PERMISSIONS),
        public_url=public_url,
        largest_body=USUAL_BODY_BYTES,
        vary=("X-Auth-Token",),
    )
    context = Context(database, box, passwords, authenticator, CatalogCache(database, clock), clock)
    versions.add_routes(router)
    for resource in _RESOURCES:
        resource.add_routes(router, context)
    return router
