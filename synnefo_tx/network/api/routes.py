"""
The network API: Neutron v2.0, the reading side, and quotas.
"""

from __future__ import annotations

from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.dialects import NEUTRON
from synnefo_tx.http.parts import serve_parts
from synnefo_tx.http.router import Router
from synnefo_tx.http.service import Service
from synnefo_tx.network import api
from synnefo_tx.network.api.service import ROOT, mount
from synnefo_tx.network.permissions import PREFIX, permitted


def network_router(cloud: Cloud) -> Router:
    """
    The router to mount at /network.
    """
    router = Router(
        prefix="network",
        dialect=NEUTRON,
        authenticate=cloud.authenticate,
        permitted=permitted,
        public_url=cloud.public_url,
    )
    serve_parts(api.__name__, Service(router, cloud, ROOT, PREFIX, mount))
    return router
