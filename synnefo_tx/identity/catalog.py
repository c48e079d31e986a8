"""
The service catalog: what runs here and under which URLs, as the client reached us.

Ids come from names, so every worker and every restart tells the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from attrs import field, frozen

INTERFACES = ("public", "internal", "admin")
PATHS = {
    "identity": "/identity/v3/",
    "compute": "/compute/v2.1",
    "network": "/network",
    "image": "/image",
}
_NAMES = {
    "identity": (("identity", "keystone"),),
    "compute": (("compute", "nova"),),
    "network": (("network", "neutron"),),
    "image": (("image", "glance"),),
    "volume": (("block-storage", "cinder"), ("volumev3", "cinderv3")),
    "object-store": (("object-store", "swift"),),
    "placement": (("placement", "placement"),),
}
_SPACE = uuid.UUID("5d0bcb0e-9f70-4b0e-8c5a-4f4f0b1f5f0e")


@frozen
class Service:
    id: str
    type: str
    name: str
    path: str


@frozen
class Endpoint:
    """
    One interface of a service.  The url may hold "%(project_id)s".
    """

    id: str
    service: Service
    interface: str
    region: str
    url: str

    def url_for(self, project_id: str) -> str:
        """
        The URL for a caller who works in the project.
        """
        return self.url.replace("%(project_id)s", project_id)


@frozen
class Catalog:
    """
    The services of this cloud.

    paths: kind ("identity", "compute", "network", "image", "volume", "object-store",
    "placement") to path on our one port.  "volume" gives the types block-storage and volumev3.
    Raises KeyError for an unknown kind.
    """

    paths: Mapping[str, str] = field(factory=lambda: dict(PATHS))
    region: str = "RegionOne"
    services: tuple[Service, ...] = field(init=False)

    @services.default
    def _services(self) -> tuple[Service, ...]:
        return tuple(
            Service(_id("service", self.region, service_type), service_type, name, path)
            for kind, path in self.paths.items()
            for service_type, name in _NAMES[kind]
        )

    def endpoints(self, root: str) -> tuple[Endpoint, ...]:
        """
        Every endpoint.  root: the cloud's URL as the client used it, without a trailing slash.
        """
        return tuple(
            Endpoint(
                _id("endpoint", self.region, service.type, interface),
                service,
                interface,
                self.region,
                root + service.path,
            )
            for service in self.services
            for interface in INTERFACES
        )


def _id(*names: str) -> str:
    return uuid.uuid5(_SPACE, "/".join(names)).hex
