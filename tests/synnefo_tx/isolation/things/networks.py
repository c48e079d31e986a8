"""
Networks, subnets, ports, pools, scopes and policies.
"""

from __future__ import annotations

from typing import Any

from tests.synnefo_tx.compute.cloud import ALICE, Cloud, add_network, project_of, some_id

ROOT = "/network/v2.0"
NOVA = "/compute/v2.1"
_TAGGED = ("networks", "subnets", "ports", "subnetpools")
_NAMES = {
    "networks": "network",
    "subnets": "subnet",
    "ports": "port",
    "subnetpools": "subnetpool",
    "address-scopes": "address_scope",
}
BODIES = {
    f"PUT {ROOT}/quotas/<project_id>": {"quota": {"network": 1}},
    f"PUT {ROOT}/rbac-policies/<thing_id>": {"rbac_policy": {"target_tenant": "project-bob"}},
    **{
        f"PUT {ROOT}/{many}/<thing_id>": {name: {"name": "stolen"}} for many, name in _NAMES.items()
    },
    **{f"PUT {ROOT}/{many}/<thing_id>/tags": {"tags": ["stolen"]} for many in _TAGGED},
}


def made(cloud: Cloud) -> dict[str, str]:
    """
    A network that is not shared, its subnet, a port on it, a pool, a scope, and a policy.
    """
    network, subnet = some_id(), some_id()
    with cloud.database.engine.begin() as connection:
        add_network(connection, network, subnet, "hers", project_of(ALICE), "10.9.9", shared=False)
    server = cloud.active(networks=[{"uuid": network}])
    port = cloud.neutron("GET", f"/ports?device_id={server}").json["ports"][0]["id"]
    scope = _made(cloud, "address-scopes", {"name": "hers", "ip_version": 4})
    pool = _made(cloud, "subnetpools", {"name": "hers", "prefixes": ["10.8.0.0/16"]})
    policy = _made(
        cloud,
        "rbac-policies",
        {
            "object_type": "network",
            "object_id": network,
            "action": "access_as_shared",
            "target_tenant": "project-root",
        },
    )
    things = {"networks": network, "subnets": subnet, "ports": port, "subnetpools": pool}
    for many in _TAGGED:
        cloud.neutron("PUT", f"/{many}/{things[many]}/tags/mine")
    return {
        **{f"{ROOT}/{many}/<thing_id>": one for many, one in things.items()},
        **{f"{ROOT}/{many}/<thing_id>/tags/<tag>": "mine" for many in _TAGGED},
        f"{ROOT}/address-scopes/<thing_id>": scope,
        f"{ROOT}/rbac-policies/<thing_id>": policy,
        f"{ROOT}/network-ip-availabilities/<network_id>": network,
        f"{ROOT}/quotas/<project_id>": project_of(ALICE),
        f"{NOVA}/os-tenant-networks/<network_id>": network,
    }


def _made(cloud: Cloud, many: str, fields: dict[str, Any]) -> str:
    name = _NAMES.get(many, "rbac_policy")
    answer = cloud.neutron("POST", f"/{many}", {name: fields})
    return str(answer.json[name]["id"])
