"""
Rows as Neutron shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
VXLAN = "vxlan"


def moment(time_us: int) -> str:
    """
    "2026-11-23T01:26:39Z" from microseconds since the epoch.
    """
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def standard(row: Any, tags: Sequence[str]) -> Json:
    """
    What every resource has.
    """
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "tags": list(tags),
        "revision_number": row.revision,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def network(
    row: Any, subnet_ids: Sequence[str], tags: Sequence[str] = (), is_admin: bool = False
) -> Json:
    """
    A network with the ids of its subnets; what carries it is shown to administrators.
    """
    view = standard(row, tags) | {
        "admin_state_up": row.admin_state_up,
        "mtu": row.mtu,
        "status": "ACTIVE",
        "subnets": list(subnet_ids),
        "shared": row.shared,
        "router:external": row.external,
        "availability_zone_hints": row.zone_hints,
        "availability_zones": ["nova"],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "port_security_enabled": row.port_security,
    }
    if row.external:
        view["is_default"] = row.is_default
    if is_admin:
        is_vxlan = row.segmentation_id is not None
        view["provider:network_type"] = VXLAN if is_vxlan else "flat"
        view["provider:physical_network"] = None if is_vxlan else row.link
        view["provider:segmentation_id"] = row.segmentation_id
    return view


def subnet(row: Any, tags: Sequence[str] = ()) -> Json:
    """
    A subnet.
    """
    return standard(row, tags) | {
        "network_id": row.network_id,
        "ip_version": row.ip_version,
        "enable_dhcp": row.enable_dhcp,
        "ipv6_ra_mode": row.ra_mode,
        "ipv6_address_mode": row.address_mode,
        "gateway_ip": row.gateway_ip,
        "cidr": row.cidr,
        "allocation_pools": row.allocation_pools,
        "host_routes": row.host_routes,
        "dns_nameservers": row.dns_nameservers,
        "service_types": row.service_types,
        "subnetpool_id": row.subnetpool_id,
    }


def port(
    row: Any,
    addresses: Sequence[Any],
    groups: Sequence[str],
    tags: Sequence[str] = (),
    is_admin: bool = False,
) -> Json:
    """
    A port with its addresses and security groups; where it is bound is shown to administrators.
    """
    view = standard(row, tags) | {
        "network_id": row.network_id,
        "mac_address": row.mac_address,
        "admin_state_up": row.admin_state_up,
        "status": row.status,
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "fixed_ips": fixed_ips(addresses),
        "allowed_address_pairs": row.allowed_pairs,
        "extra_dhcp_opts": row.dhcp_options,
        "port_security_enabled": row.port_security,
        "security_groups": list(groups),
        "binding:vnic_type": row.vnic_type,
    }
    if is_admin:
        view |= {
            "binding:host_id": row.binding_host,
            "binding:profile": row.binding_profile,
            "binding:vif_type": "bridge" if row.binding_host else "unbound",
            "binding:vif_details": {"port_filter": True} if row.binding_host else {},
        }
    return view


def fixed_ips(addresses: Sequence[Any]) -> list[Json]:
    """
    A port's addresses.
    """
    return [{"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in addresses]


def only(view: Json, fields: Sequence[str]) -> Json:
    """
    The fields asked for; all of them when none is named.
    """
    if not fields:
        return view
    return {name: value for name, value in view.items() if name in fields}
