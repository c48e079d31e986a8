"""
Networks, subnets and ports.
"""

from __future__ import annotations

from tests.synnefo_tx.compute.cloud import ALICE, Cloud, add_network, project_of, some_id

ROOT = "/network/v2.0"
BODIES = {
    f"PUT {ROOT}/networks/<resource_id>": {"network": {"name": "stolen"}},
    f"PUT {ROOT}/subnets/<resource_id>": {"subnet": {"name": "stolen"}},
    f"PUT {ROOT}/ports/<resource_id>": {"port": {"name": "stolen"}},
    f"PUT {ROOT}/quotas/<project_id>": {"quota": {"network": 1}},
}


def made(cloud: Cloud) -> dict[str, str]:
    """
    A network that is not shared, its subnet, and a port on it.
    """
    network, subnet = some_id(), some_id()
    with cloud.database.engine.begin() as connection:
        add_network(connection, network, subnet, "hers", project_of(ALICE), "10.9.9", shared=False)
    server = cloud.active(networks=[{"uuid": network}])
    ports = cloud.neutron("GET", f"/ports?device_id={server}").json["ports"]
    return {
        f"{ROOT}/networks/<resource_id>": network,
        f"{ROOT}/subnets/<resource_id>": subnet,
        f"{ROOT}/ports/<resource_id>": ports[0]["id"],
        f"{ROOT}/quotas/<project_id>": project_of(ALICE),
    }
