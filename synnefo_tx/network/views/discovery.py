"""
What the network API says of itself.  Pure.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

# name in v2.0's document -> its collection
SERVED = ("network", "subnet", "port")
ZONE = "nova"
PROVIDERS = [{"service_type": "L3_ROUTER_NAT", "name": "ganeti", "default": True}]


def versions(base: str) -> Json:
    """
    The list of versions, at the service's root.
    """
    link = {"rel": "self", "href": f"{base}/v2.0/"}
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]}


def resources(base: str) -> Json:
    """
    The list of resources, at v2.0's root.
    """
    return {
        "resources": [
            {
                "links": [{"href": f"{base}/v2.0/{name}s", "rel": "self"}],
                "name": name,
                "collection": f"{name}s",
            }
            for name in SERVED
        ]
    }


def zones() -> list[Json]:
    """
    The one zone, of networks and of routers.
    """
    return [
        {"name": ZONE, "resource": resource, "state": "available"}
        for resource in ("network", "router")
    ]
