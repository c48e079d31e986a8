"""
Servers as Nova shows them, per microversion.  Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules.placement import ZONE
from synnefo_tx.compute.rules.states import status
from synnefo_tx.compute.views.links import bookmark, both
from synnefo_tx.compute.views.times import bare, second
from synnefo_tx.compute.views.volume_attachments import attached
from synnefo_tx.effect.plan import instance_name
from synnefo_tx.http.microversions import Version

Json = dict[str, Any]

_WITH_PROGRESS = ("ACTIVE", "BUILD")
_WITH_FAULT = ("ERROR", "DELETED")


@frozen
class Look:
    """
    Who looks, and how.  base: the service's root.  for_admin: with what only operators may see.
    """

    base: str
    version: Version
    for_admin: bool


def basic(row: Any, look: Look) -> Json:
    """
    In a plain list.
    """
    return {"id": row.id, "name": row.name, "links": both(look.base, "servers", row.id)}


def created(row: Any, look: Look, admin_password: str) -> Json:
    """
    The answer to its creation.
    """
    view: Json = {
        "id": row.id,
        "links": both(look.base, "servers", row.id),
        "OS-DCF:diskConfig": row.disk_config,
    }
    if row.security_groups:
        view["security_groups"] = _groups(row)
    view["adminPass"] = admin_password
    return {"server": view}


def updated(row: Any, ports: Sequence[Any], look: Look) -> Json:
    """
    The answer to a change: less than `full` before 2.75.
    """
    if look.version >= (2, 75):
        return full(row, ports, look, alone=True)
    view = _core(row, ports, look, extended=False)
    view |= _since(row, look, alone=True)
    return view


def rebuilt(row: Any, ports: Sequence[Any], look: Look, admin_password: str) -> Json:
    """
    The answer to its rebuilding.
    """
    view = updated(row, ports, look)
    view.pop("OS-EXT-SRV-ATTR:user_data", None)  # told to all, below
    if look.version >= (2, 54):
        view["key_name"] = row.key_name
    view["adminPass"] = admin_password
    if look.version >= (2, 57):
        view["user_data"] = row.user_data
    return view


def full(row: Any, ports: Sequence[Any], look: Look, alone: bool) -> Json:
    """
    On its own (alone), or in a detailed list.
    """
    view = _core(row, ports, look, extended=True)
    view |= {
        "OS-EXT-AZ:availability_zone": ZONE,
        "config_drive": "True" if row.config_drive else "",
        "key_name": row.key_name,
        "OS-SRV-USG:launched_at": bare(row.launched_at),
        "OS-SRV-USG:terminated_at": bare(row.deleted_at),
    }
    if row.security_groups and ports:
        view["security_groups"] = _groups(row)
    if look.for_admin:
        view |= _for_admin(row, look.version)
    view |= {
        "OS-EXT-STS:task_state": row.task_state,
        "OS-EXT-STS:vm_state": row.vm_state,
        "OS-EXT-STS:power_state": row.power_state,
        "os-extended-volumes:volumes_attached": [],
    }
    view |= _since(row, look, alone)
    if look.version >= (2, 90):
        view["OS-EXT-SRV-ATTR:hostname"] = row.hostname
    if look.version >= (2, 96):
        view["pinned_availability_zone"] = row.availability_zone
    return view


def with_volumes(view: Json, held: Sequence[Any], look: Look) -> Json:
    """
    A full view that tells of the volumes attached.
    """
    shown = [attached(row, look.version) for row in held]
    return {**view, "os-extended-volumes:volumes_attached": shown}


def addresses(ports: Sequence[Any], extended: bool) -> Json:
    """
    The name of each network -> the addresses there.
    """
    found: dict[str, list[Json]] = {}
    for port in ports:
        address: Json = {"version": port.ip_version, "addr": port.ip_address}
        if extended:
            address["OS-EXT-IPS:type"] = "fixed"
            address["OS-EXT-IPS-MAC:mac_addr"] = port.mac_address
        found.setdefault(port.network_name, []).append(address)
    return found


def interface(port: Any, addresses_of_it: Sequence[Any], version: Version) -> Json:
    """
    A port as a server's interface.
    """
    view = {
        "net_id": port.network_id,
        "port_id": port.id,
        "mac_addr": port.mac_address,
        "port_state": port.status,
        "fixed_ips": [
            {"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in addresses_of_it
        ],
    }
    if version >= (2, 70):
        view["tag"] = port.tag
    return view


def host_id(row: Any) -> str:
    """
    Tells one host from another within a project, and nothing else.
    """
    return hash_of_host(row.host, row.project_id)


def hash_of_host(host: str | None, project_id: str) -> str:
    """
    The same of any host; "" for none.
    """
    if not host:
        return ""
    return hashlib.sha224(f"{project_id}{host}".encode()).hexdigest()


def _image(row: Any, look: Look) -> Json | str:
    if row.image_id is None:
        return ""  # it boots from a volume
    return {"id": row.image_id, "links": [bookmark(look.base, "images", row.image_id)]}


def _core(row: Any, ports: Sequence[Any], look: Look, extended: bool) -> Json:
    shown = status(row.vm_state, row.task_state)
    view: Json = {
        "accessIPv4": row.access_ipv4 or "",
        "accessIPv6": row.access_ipv6 or "",
        "addresses": addresses(ports, extended),
        "created": second(row.created_at),
        "flavor": _flavor(row, look),
        "hostId": host_id(row),
        "id": row.id,
        "image": _image(row, look),
        "links": both(look.base, "servers", row.id),
        "metadata": row.metadata,
        "name": row.name,
        "status": shown,
        "tenant_id": row.project_id,
        "user_id": row.user_id,
        "updated": second(row.updated_at),
        "OS-DCF:diskConfig": row.disk_config,
    }
    if shown in _WITH_FAULT and row.fault:
        view["fault"] = {**row.fault, "created": second(row.fault["created"])}
    if shown in _WITH_PROGRESS:
        view["progress"] = row.progress
    return view


def _flavor(row: Any, look: Look) -> Json:
    flavor = row.flavor
    if look.version < (2, 47):
        return {"id": flavor["id"], "links": [bookmark(look.base, "flavors", flavor["id"])]}
    return {
        "vcpus": flavor["vcpus"],
        "ram": flavor["ram"],
        "disk": flavor["disk"],
        "ephemeral": 0,
        "swap": 0,
        "original_name": flavor["name"],
        "extra_specs": flavor["extra_specs"],
    }


def _groups(row: Any) -> list[Json]:
    return [{"name": name} for name in row.security_groups]


def _for_admin(row: Any, version: Version) -> Json:
    view: Json = {
        "OS-EXT-SRV-ATTR:host": row.host,
        "OS-EXT-SRV-ATTR:instance_name": instance_name(row.id),
        "OS-EXT-SRV-ATTR:hypervisor_hostname": row.host,
    }
    if version >= (2, 3):
        view |= {
            "OS-EXT-SRV-ATTR:reservation_id": row.reservation_id,
            "OS-EXT-SRV-ATTR:launch_index": row.launch_index,
            "OS-EXT-SRV-ATTR:hostname": row.hostname,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
            "OS-EXT-SRV-ATTR:user_data": row.user_data,
        }
    if version >= (2, 16):
        view["host_status"] = "UNKNOWN" if row.host else ""
    return view


def _since(row: Any, look: Look, alone: bool) -> Json:
    """
    What microversions have added.  Nothing groups servers here.
    """
    view: Json = {}
    if look.version >= (2, 9):
        view["locked"] = row.locked_by is not None
    if look.version >= (2, 19):
        view["description"] = row.description
    if look.version >= (2, 26):
        view["tags"] = row.tags
    if look.version >= (2, 63):
        view["trusted_image_certificates"] = None
    if look.version >= (2, 71) and alone:
        view["server_groups"] = []
    if look.version >= (2, 73):
        view["locked_reason"] = row.locked_reason
    return view
