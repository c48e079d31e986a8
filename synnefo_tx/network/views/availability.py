"""
Counts of networks' addresses as Neutron shows them.  Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from synnefo_tx.network.views.resources import Json


def availability(network: Any, subnets: Sequence[Any]) -> Json:
    """
    A network's, with those of its subnets (each with `used`).
    """
    shown = [_of_subnet(row) for row in subnets]
    return {
        "network_id": network.id,
        "network_name": network.name,
        "tenant_id": network.project_id,
        "project_id": network.project_id,
        "total_ips": sum(one["total_ips"] for one in shown),
        "used_ips": sum(one["used_ips"] for one in shown),
        "subnet_ip_availability": shown,
    }


def _of_subnet(row: Any) -> Json:
    """
    All addresses of its pools count; those outside that are taken count as used, as there.
    """
    return {
        "subnet_id": row.id,
        "subnet_name": row.name,
        "cidr": row.cidr,
        "ip_version": row.ip_version,
        "total_ips": sum(
            int(ipaddress.ip_address(pool["end"])) - int(ipaddress.ip_address(pool["start"])) + 1
            for pool in row.allocation_pools
        ),
        "used_ips": row.used,
    }
