"""
A token and the catalog as Synnefo shows them, which is Keystone's v2.0 way.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from synnefo_tx.identity.catalog import Service
from synnefo_tx.identity.token import Token

Json = dict[str, Any]


def access_view(text: str, token: Token, projects: Sequence[str], catalog: list[Json]) -> Json:
    """
    text: the token itself.  projects: ids of those in which the user is a member.
    """
    tenant = {"id": token.project_id or token.user_id, "name": token.project_name or token.user_id}
    return {
        "token": {
            "id": text,
            "expires": datetime.fromtimestamp(token.expires_at, UTC).isoformat(),
            "tenant": tenant,
        },
        "user": {
            "id": token.user_id,
            "name": token.user_name,
            "roles": [{"name": role} for role in token.roles],
            "roles_links": [],
            "projects": list(projects),
        },
        "serviceCatalog": catalog,
    }


def catalog_view(services: Iterable[Service], root: str, project_id: str) -> list[Json]:
    """
    The public endpoints.  root: the URL of the cloud, without a trailing slash.
    """
    return [
        {
            "name": service.name,
            "type": service.type,
            "endpoints": _endpoints(service, root, project_id),
            "endpoints_links": [],
        }
        for service in services
    ]


def _endpoints(service: Service, root: str, project_id: str) -> list[Json]:
    found = []
    for endpoint in service.endpoints:
        url = endpoint.url_for(root, project_id)
        if endpoint.interface == "public" and url is not None:
            version = url.rstrip("/").rpartition("/")[2]
            told = {"region": endpoint.region_id, "publicURL": url}
            is_version = version[:1] == "v" and version[1:2].isdigit()
            found.append(told | {"versionId": version if is_version else ""})
    return found
