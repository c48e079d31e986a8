"""
Services, endpoints and regions as JSON.  base: the URL of /v3, root: that of the cloud, both
without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synnefo_tx.identity.catalog import Endpoint, Service

View = dict[str, Any]
Thing = Mapping[str, Any]


def catalog_view(services: Iterable[Service], root: str, project_id: str) -> list[View]:
    """
    The catalog as a token carries it.  project_id: "" for a token of no project.
    """
    told = []
    for service in services:
        endpoints = list(_offered(service.endpoints, root, project_id))
        if endpoints:
            told.append(
                {
                    "endpoints": endpoints,
                    "id": service.id,
                    "type": service.type,
                    "name": service.name,
                }
            )
    return told


def _offered(endpoints: Iterable[Endpoint], root: str, project_id: str) -> Iterator[View]:
    for endpoint in endpoints:
        url = endpoint.url_for(root, project_id)
        if url is not None:
            yield {
                "id": endpoint.id,
                "interface": endpoint.interface,
                "region_id": endpoint.region_id,
                "url": url,
                "region": endpoint.region_id,
            }


def service_view(service: Thing, base: str) -> View:
    view = {**service, "links": {"self": f"{base}/services/{service['id']}"}}
    for name in ("name", "description"):
        view[name] = service[name] or ""
    return view


def endpoint_view(endpoint: Thing, base: str) -> View:
    url = endpoint["url"]
    return {
        **endpoint,
        "url": base.removesuffix("/identity/v3") + url if url.startswith("/") else url,
        "region": endpoint["region_id"],
        "links": {"self": f"{base}/endpoints/{endpoint['id']}"},
    }


def region_view(region: Thing, base: str) -> View:
    return {**region, "links": {"self": f"{base}/regions/{region['id']}"}}
