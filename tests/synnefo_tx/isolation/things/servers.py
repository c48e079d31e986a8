"""
Servers and what belongs to them.
"""

from __future__ import annotations

from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, NETWORK, Cloud, project_of

NOVA = "/compute/v2.1"
SERVER = f"{NOVA}/servers/<server_id>"
BODIES = {
    f"PUT {SERVER}": {"server": {"name": "stolen"}},
    f"POST {SERVER}/metadata": {"metadata": {"a": "b"}},
    f"PUT {SERVER}/metadata": {"metadata": {"a": "b"}},
    f"PUT {SERVER}/metadata/<key>": {"meta": {"color": "b"}},
    f"PUT {SERVER}/tags": {"tags": ["b"]},
    f"POST {SERVER}/remote-consoles": {"remote_console": {"protocol": "vnc", "type": "novnc"}},
    f"PUT {NOVA}/os-quota-sets/<project_id>": {"quota_set": {"cores": 1}},
}


def made(cloud: Cloud) -> dict[str, str]:
    """
    A server that runs, its port, a private flavor that only ALICE may use.
    """
    server = cloud.active(metadata={"color": "red"}, networks=[{"uuid": NETWORK}])
    cloud.nova("PUT", f"/servers/{server}/tags/mine", version="2.26")
    cloud.nova("POST", "/os-keypairs", {"keypair": {"name": "hers"}})
    access = {"addTenantAccess": {"tenant": project_of(ALICE)}}
    cloud.nova("POST", "/flavors/9/action", access, ADMIN)
    port = cloud.nova("GET", f"/servers/{server}/os-interface").json["interfaceAttachments"][0]
    actions = cloud.nova("GET", f"/servers/{server}/os-instance-actions")
    return {
        SERVER: server,
        f"{SERVER}/metadata/<key>": "color",
        f"{SERVER}/tags/<tag>": "mine",
        f"{SERVER}/ips/<network>": "default",
        f"{SERVER}/os-interface/<port_id>": port["port_id"],
        f"{SERVER}/os-instance-actions/<request_id>": actions.json["instanceActions"][0][
            "request_id"
        ],
        f"{NOVA}/os-keypairs/<name>": "hers",
        f"{NOVA}/flavors/<flavor_id>": "9",
        f"{NOVA}/flavors/<flavor_id>/os-extra_specs/<key>": "any",
        f"{NOVA}/os-quota-sets/<project_id>": project_of(ALICE),
        f"{NOVA}/os-simple-tenant-usage/<project_id>": project_of(ALICE),
    }
