"""
The service catalog: what runs here and under which URLs, as the client reached us.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

INTERFACES = ("public", "internal", "admin")
REGION = "RegionOne"
PATHS = {
    "identity": "/identity/v3/",
    "compute": "/compute/v2.1",
    "network": "/network",
    "image": "/image",
    "volume": "/volume/v3",
    "account": "/account/v1.0",
}
_NAMES = {
    "identity": (("identity", "keystone"),),
    "compute": (("compute", "nova"),),
    "network": (("network", "neutron"),),
    "image": (("image", "glance"),),
    "volume": (("block-storage", "cinder"), ("volumev3", "cinderv3")),
    "object-store": (("object-store", "swift"),),
    "placement": (("placement", "placement"),),
    "account": (("account", "astakos_account"),),
}
PLACES = ("project_id", "tenant_id")  # what a URL may leave open
_PROJECT = tuple(f"{sign}({name})s" for name in PLACES for sign in "%$")
_SPACE = uuid.UUID("5d0bcb0e-9f70-4b0e-8c5a-4f4f0b1f5f0e")


@frozen
class Endpoint:
    """
    One interface of a service.  url: may hold "%(project_id)s"; one that begins with "/" is below
    the cloud's own root, however the client reached that.
    """

    id: str
    service_id: str
    interface: str
    region_id: str | None
    url: str

    def url_for(self, root: str, project_id: str) -> str | None:
        """
        The URL for a caller who works in the project; None when it names the project and the
        caller works in none ("").  root: without a trailing slash.
        """
        url = root + self.url if self.url.startswith("/") else self.url
        for pattern in _PROJECT:
            if pattern in url:
                if not project_id:
                    return None
                url = url.replace(pattern, project_id)
        return url


@frozen
class Service:
    """
    One service and its endpoints.
    """

    id: str
    type: str
    name: str
    endpoints: tuple[Endpoint, ...] = ()


@frozen
class Catalog:
    """
    Every service that is offered.  only: the ids of the endpoints that a project is told of,
    disabled ones too; a project that has none is told of all.  serial: of the change that it was
    read after.
    """

    services: tuple[Service, ...]
    only: Mapping[str, frozenset[str]]
    serial: int = 0

    def services_of(self, project_id: str) -> tuple[Service, ...]:
        """
        What a token of the project tells.  Services that it is told of no endpoint of are left out.
        """
        only = self.only.get(project_id)
        if not only:
            return self.services
        told = (
            evolve(one, endpoints=tuple(each for each in one.endpoints if each.id in only))
            for one in self.services
        )
        return tuple(one for one in told if one.endpoints)


def own_services(paths: Mapping[str, str] = PATHS, region: str = REGION) -> Iterable[Service]:
    """
    What this cloud itself runs.  Ids come from names: every worker and every start tells the same.

    paths: kind ("identity", "compute", "network", "image", "volume", "object-store",
    "placement", "account") to path on our one port.  "volume" gives the types block-storage and
    volumev3.  Raises KeyError for an unknown kind.
    """
    for kind, path in paths.items():
        for service_type, name in _NAMES[kind]:
            service_id = _id("service", region, service_type)
            endpoints = tuple(
                Endpoint(
                    _id("endpoint", region, service_type, interface),
                    service_id,
                    interface,
                    region,
                    path,
                )
                for interface in INTERFACES
            )
            yield Service(service_id, service_type, name, endpoints)


def _id(*names: str) -> str:
    return uuid.uuid5(_SPACE, "/".join(names)).hex
