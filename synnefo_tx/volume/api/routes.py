"""
The volume API: Cinder v3.
"""

from __future__ import annotations

from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.dialects import CINDER
from synnefo_tx.http.microversions import Range
from synnefo_tx.http.parts import serve_parts
from synnefo_tx.http.router import Router
from synnefo_tx.http.service import Service
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.volume import api
from synnefo_tx.volume.api.service import MAXIMUM, MINIMUM, ROOT, mount
from synnefo_tx.volume.permissions import PERMISSIONS


def volume_router(cloud: Cloud) -> Router:
    """
    The router to mount at /volume.
    """
    router = Router(
        prefix="volume",
        dialect=CINDER,
        authenticate=cloud.authenticate,
        permitted=Permissions(PERMISSIONS),
        microversions=Range("volume", MINIMUM, MAXIMUM),
        public_url=cloud.public_url,
        largest_body=USUAL_BODY_BYTES,
        request_id_headers=("x-openstack-request-id", "x-compute-request-id"),
        service_types=("block-storage", "volumev3", "volume"),
    )
    serve_parts(api.__name__, Service(router, cloud, ROOT, mount=mount))
    return router
