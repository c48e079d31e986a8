"""
The compute API: Nova v2.1.
"""

from __future__ import annotations

from synnefo_tx.compute import api
from synnefo_tx.compute.api.service import MAXIMUM, MINIMUM, ROOT
from synnefo_tx.compute.permissions import PERMISSIONS, PREFIX
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.dialects import NOVA
from synnefo_tx.http.microversions import Range
from synnefo_tx.http.parts import serve_parts
from synnefo_tx.http.router import Router
from synnefo_tx.http.service import Service
from synnefo_tx.http.streaming import USUAL_BODY_BYTES
from synnefo_tx.identity.permissions import Permissions


def compute_router(cloud: Cloud) -> Router:
    """
    The router to mount at /compute.
    """
    router = Router(
        prefix="compute",
        dialect=NOVA,
        authenticate=cloud.authenticate,
        permitted=Permissions(PERMISSIONS),
        microversions=Range("compute", MINIMUM, MAXIMUM, "X-OpenStack-Nova-API-Version"),
        public_url=cloud.public_url,
        largest_body=USUAL_BODY_BYTES,
        request_id_headers=("x-openstack-request-id", "x-compute-request-id"),
    )
    serve_parts(api.__name__, Service(router, cloud, ROOT, PREFIX))
    return router
