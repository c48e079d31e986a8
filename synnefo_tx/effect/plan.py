"""
From a change of the cloud to the wish that brings it about.  Pure.

Names as Synnefo gives them in Ganeti: snf-<server>, snf-net-<network>, snf-nic-<port>,
snf-vol-<volume>; and ours: snf-group-<security group>.  Bodies as Cyclades sends them (RAPI of
Ganeti 3); `port` is ganetid's.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from synnefo_tx.effect.wishes import ServerPlan, Wish

PREFIX = "snf"
FINAL_STATES = ["success", "error", "canceled"]


def instance_name(server_id: str) -> str:
    """
    What the cluster calls a server.
    """
    return f"{PREFIX}-{server_id}"


def network_name(network_id: str) -> str:
    """
    What the cluster calls a network.
    """
    return f"{PREFIX}-net-{network_id}"


def group_name(group_id: str) -> str:
    """
    What the cluster calls a security group.
    """
    return f"{PREFIX}-group-{group_id}"


def filtering(security_groups: tuple[str, ...], *, is_secure: bool) -> dict[str, Any]:
    """
    What a NIC lets through: in no group nothing but answers; without port security everything.
    """
    groups = [group_name(one) for one in security_groups] if is_secure else None
    return {"port_security": is_secure, "security_groups": groups}


def server_id_of(instance: str) -> str | None:
    """
    The server that an instance's name tells of; None for a stranger's.
    """
    prefix, _, rest = instance.partition("-")
    return rest if prefix == PREFIX and rest else None


def create_server(plan: ServerPlan) -> Wish:
    """
    POST /2/instances.  Its `depends` is filled in when it is sent, with the jobs that bring up
    its networks.  The hypervisor is the cluster's default.
    """
    drive = {path: base64.b64encode(data).decode() for path, data in plan.config_drive.items()}
    body = {
        "__version__": 1,
        "mode": "create",
        "instance_name": instance_name(plan.server_id),
        "os_type": "snf-image+default",
        "disk_template": "ext",
        "disks": [
            {
                "name": f"{PREFIX}-vol-{disk.volume_id}",
                "size": disk.size_gib * 1024,
                "provider": "archipelago",
                **({"origin": disk.origin} if disk.origin else {}),
                **({"reuse_data": "True"} if disk.is_there else {}),
                **({"mode": disk.mode} if disk.mode != "rw" else {}),
            }
            for disk in plan.disks
        ],
        "nics": [
            {
                "name": f"{PREFIX}-nic-{nic.port_id}",
                "network": network_name(nic.network_id),
                "ip": nic.ip_address,
                "mac": nic.mac_address,
                "port": filtering(nic.security_groups, is_secure=nic.is_secure),
            }
            for nic in plan.nics
        ],
        "beparams": {"vcpus": plan.vcpus, "memory": plan.memory_mib},
        "hvparams": {},
        "osparams": {},
        "osparams_private": {"config_drive": json.dumps(drive)} if drive else {},
        "ip_check": False,
        "name_check": False,
        "wait_for_sync": False,
    }
    return Wish(
        kind="server.create",
        target=plan.server_id,
        cluster_id=plan.cluster_id,
        method="POST",
        path="/2/instances",
        body=body,
    )


def delete_server(server_id: str, cluster_id: str) -> Wish:
    """
    DELETE the instance, with its disks; the guest is not given time to shut down.
    """
    return _instance_wish(
        "server.delete", server_id, cluster_id, "DELETE", "", {"shutdown_timeout": 0}
    )


def start_server(server_id: str, cluster_id: str) -> Wish:
    """
    PUT .../startup.
    """
    return _instance_wish("server.start", server_id, cluster_id, "PUT", "/startup", None)


def stop_server(server_id: str, cluster_id: str, timeout_s: int = 60) -> Wish:
    """
    PUT .../shutdown: the guest has `timeout_s` to power itself off.
    """
    return _instance_wish(
        "server.stop", server_id, cluster_id, "PUT", "/shutdown", {"timeout": timeout_s}
    )


def reboot_server(server_id: str, cluster_id: str, hard: bool) -> Wish:
    """
    POST .../reboot, soft or hard.
    """
    wish = _instance_wish("server.reboot", server_id, cluster_id, "POST", "/reboot", None)
    return Wish(
        kind=wish.kind,
        target=wish.target,
        cluster_id=cluster_id,
        method=wish.method,
        path=wish.path,
        query={"type": "hard" if hard else "soft"},
        body={"shutdown_timeout": 0} if hard else None,
    )


def _instance_wish(
    kind: str,
    server_id: str,
    cluster_id: str,
    method: str,
    action: str,
    body: dict[str, int] | None,
) -> Wish:
    return Wish(
        kind=kind,
        target=server_id,
        cluster_id=cluster_id,
        method=method,
        path=f"/2/instances/{instance_name(server_id)}{action}",
        body=dict(body) if body else None,
    )
