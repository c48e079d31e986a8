"""
The attributes of networks, subnets and ports.  Pure.

Source: Neutron's API reference, v2.0, and neutron-lib's api/definitions.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from synnefo_tx.network.rules import values
from synnefo_tx.network.rules.attributes import REQUIRED, USUAL, Attribute, attribute

LOWEST_MTU, HIGHEST_MTU = 68, 65535
MODES = ("dhcpv6-stateful", "dhcpv6-stateless", "slaac")
VNIC_TYPES = ("normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder")
HIGHEST_SEGMENT = 2**24 - 1  # VXLAN's


def _mtu(value: object) -> int:
    number: int = values.whole_number(0, HIGHEST_MTU)(value)
    if 0 < number < LOWEST_MTU:
        raise ValueError(f"'{value}' is too small - must be at least '{LOWEST_MTU}'")
    return number


def _pool(value: object) -> dict[str, Any]:
    found: dict[str, Any] = values.object_of({"start": values.address, "end": values.address})(
        value
    )
    return found


def _route(value: object) -> dict[str, Any]:
    found: dict[str, Any] = values.object_of(
        {"destination": values.block, "nexthop": values.address}
    )(value)
    return found


def _fixed_ip(value: object) -> dict[str, Any]:
    found: dict[str, Any] = values.object_of(
        {}, {"subnet_id": values.uuid, "ip_address": values.address}
    )(value)
    if not found:
        raise ValueError(f"'{value}' is neither a subnet nor an address")
    return found


def _pair(value: object) -> dict[str, Any]:
    def address_or_block(item: object) -> str:
        if isinstance(item, str) and "/" in item:
            try:
                return str(ipaddress.ip_interface(item))
            except ValueError:
                raise ValueError(f"'{item}' is not a valid IP subnet") from None
        return values.address(item)

    found: dict[str, Any] = values.object_of(
        {"ip_address": address_or_block}, {"mac_address": values.mac}
    )(value)
    return found


def _option(value: object) -> dict[str, Any]:
    found: dict[str, Any] = values.object_of(
        {"opt_name": values.text(64)},
        {"opt_value": values.or_none(values.text()), "ip_version": values.ip_version},
    )(value)
    return {"ip_version": 4, "opt_value": None} | found


NETWORK: tuple[Attribute, ...] = (
    *USUAL,
    attribute("admin_state_up", values.boolean, True),
    attribute("shared", values.boolean, False, guarded=True),
    attribute("router:external", values.boolean, False, column="external", guarded=True),
    attribute("is_default", values.boolean, False, guarded=True),
    attribute("port_security_enabled", values.boolean, True, column="port_security"),
    attribute("mtu", _mtu),
    attribute("dns_domain", values.host_name, ""),
    attribute(
        "availability_zone_hints",
        values.list_of(values.text()),
        [],
        column="zone_hints",
        updated=False,
    ),
    attribute("provider:network_type", values.one_of("vxlan", "flat"), guarded=True, updated=False),
    attribute(
        "provider:physical_network", values.or_none(values.text(15)), guarded=True, updated=False
    ),
    attribute(
        "provider:segmentation_id",
        values.or_none(values.whole_number(1, HIGHEST_SEGMENT)),
        guarded=True,
        updated=False,
    ),
)
SUBNET: tuple[Attribute, ...] = (
    *USUAL,
    attribute("network_id", values.uuid, REQUIRED, updated=False),
    attribute("ip_version", values.ip_version, REQUIRED, updated=False),
    attribute("cidr", values.or_none(values.block), updated=False),
    attribute("subnetpool_id", values.or_none(values.uuid), updated=False),
    attribute("prefixlen", values.or_none(values.whole_number(0, 128)), updated=False),
    attribute("use_default_subnetpool", values.boolean, updated=False),
    attribute("gateway_ip", values.or_none(values.address)),
    attribute("allocation_pools", values.list_of(_pool)),
    attribute("enable_dhcp", values.boolean, True),
    attribute("dns_nameservers", values.list_of(values.address), []),
    attribute("host_routes", values.list_of(_route), []),
    attribute("service_types", values.list_of(values.text()), []),
    attribute(
        "ipv6_ra_mode", values.or_none(values.one_of(*MODES)), column="ra_mode", updated=False
    ),
    attribute(
        "ipv6_address_mode",
        values.or_none(values.one_of(*MODES)),
        column="address_mode",
        updated=False,
    ),
)
PORT: tuple[Attribute, ...] = (
    *USUAL,
    attribute("network_id", values.uuid, REQUIRED, updated=False),
    attribute("admin_state_up", values.boolean, True),
    attribute("mac_address", values.mac, guarded=False),
    attribute("fixed_ips", values.list_of(_fixed_ip, unique=False)),
    attribute("device_id", values.text(), ""),
    attribute("device_owner", values.text(), ""),
    attribute("port_security_enabled", values.boolean, column="port_security"),
    attribute("allowed_address_pairs", values.list_of(_pair), [], column="allowed_pairs"),
    attribute("security_groups", values.list_of(values.text(36))),
    attribute("extra_dhcp_opts", values.list_of(_option), [], column="dhcp_options"),
    attribute("dns_name", values.host_name, ""),
    attribute("binding:vnic_type", values.one_of(*VNIC_TYPES), "normal", column="vnic_type"),
    attribute("binding:host_id", values.text(), "", column="binding_host", guarded=True),
    attribute(
        "binding:profile",
        values.anything_of_json,
        {},
        column="binding_profile",
        guarded=True,
    ),
)
