"""
A cloud's API that is measured: what it is asked.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from attrs import frozen

from benchmarks.api import population
from benchmarks.api_daemon import Api
from benchmarks.identity.load import Load
from tests.synnefo_tx.compute.cloud import IMAGE, add_image

NETWORK_CIDR = "10.64.0.0/12"  # room for a port of every server
PAGE = 100
PORTS = 131


@frozen
class Place:
    """
    token: an administrator's.  project: its.  network: the first one's id.
    """

    api: Api
    token: str
    project: str
    network: str
    server: str

    def fill(self, servers: int) -> None:
        """
        Copy the server until there are so many.
        """
        population.fill(self.api.database, self.server, servers)

    def reads(self) -> dict[str, Load]:
        """
        What is measured of answers, by name.
        """
        nova, neutron = f"{self.api.url}/compute/v2.1", f"{self.api.url}/network/v2.0"
        seen = {"X-Auth-Token": self.token}
        newest = seen | {"OpenStack-API-Version": "compute 2.96"}
        return {
            "servers-detail": Load(f"{nova}/servers/detail?limit={PAGE}", seen),
            "servers-detail-2.96": Load(f"{nova}/servers/detail?limit={PAGE}", newest),
            "servers": Load(f"{nova}/servers?limit={PAGE}", seen),
            "server-show": Load(f"{nova}/servers/{self.server}", seen),
            "flavors-detail": Load(f"{nova}/flavors/detail", seen),
            "ports": Load(f"{neutron}/ports?limit={PORTS}", seen),
            "networks": Load(f"{neutron}/networks", seen),
        }

    def writes(self) -> dict[str, Load]:
        """
        What is measured of wishes that are accepted, by name.
        """
        seen = {"X-Auth-Token": self.token}
        network = {"network": {"name": "one of many"}}
        return {
            "server-create": Load(
                f"{self.api.url}/compute/v2.1/servers", seen, asked(self.network)
            ),
            "network-create": Load(f"{self.api.url}/network/v2.0/networks", seen, network),
        }


def placed(api: Api) -> Place:
    """
    A place with one server; no quota limits it.
    """
    answer, log_in = _call(f"{api.url}/identity/v3/auth/tokens", "", _log_in(api.password))
    token, project = answer["X-Subject-Token"], log_in["token"]["project"]["id"]
    engine = population.engine_of(api.database)
    with engine.begin() as connection:
        add_image(connection, IMAGE)
    engine.dispose()
    nova, neutron = f"{api.url}/compute/v2.1", f"{api.url}/network/v2.0"
    free = {"instances": -1, "cores": -1, "ram": -1}
    _call(f"{nova}/os-quota-sets/{project}", token, {"quota_set": free}, "PUT")
    free = {"port": -1, "network": -1}
    _call(f"{neutron}/quotas/{project}", token, {"quota": free}, "PUT")
    free = {"volumes": -1, "gigabytes": -1}
    _call(f"{api.url}/volume/v3/os-quota-sets/{project}", token, {"quota_set": free}, "PUT")
    network = _call(f"{neutron}/networks", token)[1]["networks"][0]["id"]
    made = _call(f"{nova}/servers", token, asked(network))[1]
    return Place(api, token, project, network, made["server"]["id"])


def asked(network: str) -> dict[str, Any]:
    """
    A body of POST /servers.
    """
    server = {"name": "w", "flavorRef": "1", "imageRef": IMAGE, "networks": [{"uuid": network}]}
    return {"server": server}


def _log_in(password: str) -> dict[str, Any]:
    user = {"name": "admin", "domain": {"id": "default"}, "password": password}
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": scope}}


def _call(url: str, token: str, body: object = None, method: str | None = None) -> tuple[Any, Any]:
    """
    The answer's headers and its body.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers, json.load(answer)
