"""
Rows as Neutron shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def moment(time_us: int) -> str:
    """
    "2026-11-23T01:26:39Z" from microseconds since the epoch.
    """
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def network(row: Any, subnet_ids: Sequence[str]) -> Json:
    """
    A network with the ids of its subnets.
    """
    return {
        "id": row.id,
        "name": row.name,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "admin_state_up": True,
        "mtu": row.mtu,
        "status": "ACTIVE",
        "subnets": list(subnet_ids),
        "shared": row.shared,
        "router:external": False,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def subnet(row: Any) -> Json:
    """
    A subnet.
    """
    return {
        "id": row.id,
        "name": row.name,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "network_id": row.network_id,
        "ip_version": row.ip_version,
        "enable_dhcp": True,
        "ipv6_ra_mode": None,
        "ipv6_address_mode": None,
        "gateway_ip": row.gateway_ip,
        "cidr": row.cidr,
        "allocation_pools": [{"start": row.pool_start, "end": row.pool_end}],
        "host_routes": [],
        "dns_nameservers": row.dns_nameservers,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def port(row: Any) -> Json:
    """
    A port with its one address.
    """
    return {
        "id": row.id,
        "name": row.name,
        "network_id": row.network_id,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "mac_address": row.mac_address,
        "admin_state_up": True,
        "status": row.status,
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "fixed_ips": [{"subnet_id": row.subnet_id, "ip_address": row.ip_address}],
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def only(view: Json, fields: Sequence[str]) -> Json:
    """
    The fields asked for; all of them when none is named.
    """
    if not fields:
        return view
    return {name: value for name, value in view.items() if name in fields}
