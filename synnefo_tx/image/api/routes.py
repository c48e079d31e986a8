"""
The image service's router.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThread

from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.dialects import GLANCE
from synnefo_tx.http.parts import serve_parts
from synnefo_tx.http.router import Router
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.image import api
from synnefo_tx.image.api.service import ImageService
from synnefo_tx.image.convert import IConverter
from synnefo_tx.image.flight import InThread
from synnefo_tx.image.permissions import PERMISSIONS
from synnefo_tx.image.uploads import Uploads


def image_router(
    cloud: Cloud,
    converter: IConverter | None,
    *,
    in_thread: InThread = deferToThread,
    reactor: Any = None,
) -> Router:
    """
    Glance v2 at "image".

    converter: None refuses uploads of formats that need one.  in_thread: where hashes are computed.
    reactor: None is Twisted's own.
    """
    router = Router(
        prefix="image",
        dialect=GLANCE,
        authenticate=cloud.authenticate,
        permitted=Permissions(PERMISSIONS),
        public_url=cloud.public_url,
    )
    uploads = Uploads(cloud.database, cloud.blocks, converter, cloud.clock, in_thread, reactor)
    serve_parts(api.__name__, ImageService(router, cloud, uploads))
    return router
