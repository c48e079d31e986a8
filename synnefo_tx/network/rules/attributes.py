"""
What a body may name, as Neutron checks it before it looks at the caller's rights.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.network.errors import InvalidQuery

WRITABLE = {
    "network": {
        "name",
        "admin_state_up",
        "shared",
        "tenant_id",
        "project_id",
        "mtu",
        "router:external",
    },
    "subnet": {
        "name",
        "network_id",
        "tenant_id",
        "project_id",
        "ip_version",
        "cidr",
        "gateway_ip",
        "allocation_pools",
        "dns_nameservers",
        "host_routes",
        "enable_dhcp",
        "ipv6_ra_mode",
        "ipv6_address_mode",
    },
    "port": {
        "name",
        "network_id",
        "tenant_id",
        "project_id",
        "mac_address",
        "fixed_ips",
        "admin_state_up",
        "device_id",
        "device_owner",
    },
}


def check_body(body: object, member: str) -> dict[str, Any]:
    """
    The resource within `body`.  Raises InvalidQuery.
    """
    if not isinstance(body, dict) or not isinstance(body.get(member), dict):
        raise InvalidQuery(f"Unable to find '{member}' in request body")
    resource: dict[str, Any] = body[member]
    strangers = [name for name in resource if name not in WRITABLE[member]]
    if strangers:
        raise InvalidQuery(f"Unrecognized attribute(s) '{', '.join(sorted(strangers))}'")
    return resource
