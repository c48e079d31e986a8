"""
The compute API: Nova v2.1.
"""

from __future__ import annotations

from collections.abc import Callable

from synnefo_tx.compute.api import (
    discovery,
    flavors,
    keypairs,
    limits,
    quota_classes,
    server_actions,
    server_addresses,
    server_metadata,
    server_tags,
    servers,
)
from synnefo_tx.compute.api.service import Console, Service
from synnefo_tx.compute.permissions import PERMISSIONS
from synnefo_tx.http.dialects import NOVA
from synnefo_tx.http.microversions import Range
from synnefo_tx.http.router import Authenticate, Router
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.store.database import Database

MINIMUM, MAXIMUM = (2, 1), (2, 96)


def compute_router(
    database: Database,
    authenticate: Authenticate,
    clock: Callable[[], float],
    public_url: str | None,
    kick: Callable[[], None],
    console: Console,
) -> Router:
    """
    The router to mount at /compute.  kick: called after a commit that wrote a wish.  console:
    (cluster id, server id, lines or None for all) -> text.
    """
    router = Router(
        prefix="compute",
        dialect=NOVA,
        authenticate=authenticate,
        permitted=Permissions(PERMISSIONS),
        microversions=Range("compute", MINIMUM, MAXIMUM, "X-OpenStack-Nova-API-Version"),
        public_url=public_url,
        largest_body=USUAL_BODY_BYTES,
        request_id_headers=("x-openstack-request-id", "x-compute-request-id"),
    )
    service = Service(router, database, clock, kick, console)
    discovery.add_routes(service, MINIMUM, MAXIMUM)
    for resource in (
        flavors,
        keypairs,
        servers,
        server_actions,
        server_metadata,
        server_tags,
        server_addresses,
        limits,
        quota_classes,
    ):
        resource.add_routes(service)
    return router
