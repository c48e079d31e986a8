"""
The image service's router.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.threads import deferToThread

from synnefo_tx.http.dialects import GLANCE
from synnefo_tx.http.router import Authenticate, Router
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.image.api import discovery, image_file, images, members, tags, versions
from synnefo_tx.image.api.service import ImageService
from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.image.convert import IConverter
from synnefo_tx.image.flight import InThread
from synnefo_tx.image.permissions import PERMISSIONS
from synnefo_tx.image.uploads import Uploads
from synnefo_tx.store.database import Database


def image_router(
    database: Database,
    blocks: IBlocks,
    authenticate: Authenticate,
    clock: Callable[[], float],
    public_url: str | None,
    converter: IConverter | None,
    *,
    in_thread: InThread = deferToThread,
    reactor: Any = None,
) -> Router:
    """
    Glance v2 at "image".

    clock: seconds since the epoch.  converter: None refuses uploads of formats that need one.
    in_thread: where hashes are computed.  reactor: None is Twisted's own.
    """
    router = Router(
        prefix="image",
        dialect=GLANCE,
        authenticate=authenticate,
        permitted=Permissions(PERMISSIONS),
        public_url=public_url,
    )
    uploads = Uploads(database, blocks, converter, clock, in_thread, reactor)
    service = ImageService(database, blocks, uploads, clock)
    versions.add_routes(router)
    discovery.add_routes(router)
    images.add_routes(router, service)
    image_file.add_routes(router, service)
    tags.add_routes(router, service)
    members.add_routes(router, service)
    return router
