"""
The volume API: of Cinder v3 the version document, quotas and limits.
"""

from __future__ import annotations

from collections.abc import Callable

from synnefo_tx.http.call import Call
from synnefo_tx.http.dialects import CINDER
from synnefo_tx.http.microversions import Range
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Authenticate, Router
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.store.database import Database
from synnefo_tx.volume.api import quotas
from synnefo_tx.volume.api.service import Service
from synnefo_tx.volume.permissions import PERMISSIONS
from synnefo_tx.volume.views import versions as views

MINIMUM, MAXIMUM = (3, 0), (3, 71)


def volume_router(
    database: Database,
    authenticate: Authenticate,
    clock: Callable[[], float],
    public_url: str | None = None,
) -> Router:
    """
    The router to mount at /volume.
    """
    router = Router(
        prefix="volume",
        dialect=CINDER,
        authenticate=authenticate,
        permitted=Permissions(PERMISSIONS),
        microversions=Range("volume", MINIMUM, MAXIMUM),
        public_url=public_url,
        largest_body=USUAL_BODY_BYTES,
        request_id_headers=("x-openstack-request-id", "x-compute-request-id"),
        service_types=("block-storage", "volumev3", "volume"),
    )
    _add_versions(router)
    quotas.add_routes(Service(router, database, clock))
    return router


def _add_versions(router: Router) -> None:
    @router.route("GET", "/", None)
    async def versions(call: Call) -> Reply:
        return json_reply(views.versions(call.base, MINIMUM, MAXIMUM), 300)

    @router.route("GET", "/v3/", "volume:versions")
    async def version(call: Call) -> Reply:
        return json_reply(views.versions(call.base, MINIMUM, MAXIMUM))
