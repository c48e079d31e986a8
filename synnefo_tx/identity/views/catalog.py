"""
Services, endpoints and regions as JSON.  base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.identity.catalog import Endpoint, Service

View = dict[str, Any]


def catalog_view(endpoints: Sequence[Endpoint], project_id: str) -> list[View]:
    """
    The catalog as a token carries it.
    """
    services: dict[str, View] = {}
    for endpoint in endpoints:
        service = endpoint.service
        view = services.setdefault(
            service.id,
            {"endpoints": [], "id": service.id, "type": service.type, "name": service.name},
        )
        view["endpoints"].append(
            {
                "id": endpoint.id,
                "interface": endpoint.interface,
                "region_id": endpoint.region,
                "url": endpoint.url_for(project_id),
                "region": endpoint.region,
            }
        )
    return list(services.values())


def service_view(service: Service, base: str) -> View:
    return {
        "id": service.id,
        "name": service.name,
        "type": service.type,
        "enabled": True,
        "description": "",
        "links": {"self": f"{base}/services/{service.id}"},
    }


def endpoint_view(endpoint: Endpoint, base: str) -> View:
    return {
        "id": endpoint.id,
        "interface": endpoint.interface,
        "region_id": endpoint.region,
        "service_id": endpoint.service.id,
        "url": endpoint.url,
        "enabled": True,
        "region": endpoint.region,
        "links": {"self": f"{base}/endpoints/{endpoint.id}"},
    }


def region_view(region: str, base: str) -> View:
    return {
        "id": region,
        "description": "",
        "parent_region_id": None,
        "links": {"self": f"{base}/regions/{region}"},
    }
