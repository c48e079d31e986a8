"""
Networks, subnets and ports as they are found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, false, or_, select, true

from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.network import errors
from synnefo_tx.network.rows.lists import Condition, Kind
from synnefo_tx.network.rows.sharing import reached_by, shared_with
from synnefo_tx.network.rows.tables import networks, port_addresses, ports, subnets
from synnefo_tx.network.rules.queries import pair


def columns_of(
    table: Table, *names: str, **others: ColumnElement[Any]
) -> Mapping[str, ColumnElement[Any]]:
    """
    Attribute -> column: what all tables have, and those named.
    """
    usual = ("id", "name", "description", "project_id", "created_at", "updated_at")
    both = {name: table.c[name] for name in (*usual, *names)}
    return {
        **both,
        **others,
        "tenant_id": table.c.project_id,
        "revision_number": table.c.revision,
    }


def _status(fixed: str) -> Any:
    return lambda values: true() if fixed in values else false()


def _fixed_ips(values: Sequence[str]) -> Condition:
    """
    "ip_address=...", "ip_address_substr=..." and "subnet_id=...": one of the addresses, in one of
    the subnets.
    """
    wanted: dict[str, list[str]] = {}
    for value in values:
        name, rest = pair(value)
        wanted.setdefault(name, []).append(rest)
    address = port_addresses.c.ip_address
    known: dict[str, Callable[[Sequence[str]], Condition]] = {
        "ip_address": address.in_,
        "subnet_id": port_addresses.c.subnet_id.in_,
        "ip_address_substr": lambda parts: or_(
            *(address.contains(part, autoescape=True) for part in parts)
        ),
    }
    if not wanted.keys() <= known.keys():
        return false()
    found = and_(true(), *(known[name](rest) for name, rest in wanted.items()))
    return ports.c.id.in_(select(port_addresses.c.port_id).where(found))


def _network_of_subnets(subnet_ids: Sequence[str]) -> Condition:
    return networks.c.id.in_(select(subnets.c.network_id).where(subnets.c.id.in_(subnet_ids)))


def visible_networks(caller: Caller) -> Condition:
    """
    Own ones, shared ones, and those through which the outside is reached.
    """
    project_id = caller.project_id
    return visible(networks, caller, shared_with(project_id), reached_by(project_id))


def usable_networks(caller: Caller) -> Condition:
    """
    Those on which the caller's ports may be.
    """
    return visible(networks, caller, shared_with(caller.project_id))


def _visible_subnets(caller: Caller) -> Condition:
    """
    An external network's subnets are its owner's affair.
    """
    return subnets.c.network_id.in_(select(networks.c.id).where(usable_networks(caller)))


def _visible_ports(caller: Caller) -> Condition:
    owned = select(networks.c.id).where(networks.c.project_id == caller.project_id)
    return visible(ports, caller, ports.c.network_id.in_(owned))


NETWORKS = Kind(
    "networks",
    networks,
    errors.NetworkNotFound,
    visible_networks,
    columns_of(
        networks,
        "shared",
        "mtu",
        "admin_state_up",
        "is_default",
        port_security_enabled=networks.c.port_security,
        **{
            "router:external": networks.c.external,
            "provider:segmentation_id": networks.c.segmentation_id,
        },
    ),
    {"status": _status("ACTIVE"), "subnets": _network_of_subnets},
)
SUBNETS = Kind(
    "subnets",
    subnets,
    errors.SubnetNotFound,
    _visible_subnets,
    columns_of(
        subnets,
        "network_id",
        "ip_version",
        "cidr",
        "gateway_ip",
        "enable_dhcp",
        "subnetpool_id",
        ipv6_ra_mode=subnets.c.ra_mode,
        ipv6_address_mode=subnets.c.address_mode,
    ),
    {},
)
PORTS = Kind(
    "ports",
    ports,
    errors.PortNotFound,
    _visible_ports,
    columns_of(
        ports,
        "network_id",
        "mac_address",
        "device_id",
        "device_owner",
        "status",
        "admin_state_up",
        port_security_enabled=ports.c.port_security,
        **{"binding:host_id": ports.c.binding_host},
    ),
    {"fixed_ips": _fixed_ips},
)
