"""
Security groups and their rules: what bodies may say, and what goes together.  Pure.

Source: Neutron's API reference, v2.0, and its extension "security-group".
"""

from __future__ import annotations

import ipaddress
from typing import Any

from synnefo_tx.network.group_errors import InvalidRule
from synnefo_tx.network.rules import values
from synnefo_tx.network.rules.attributes import REQUIRED, USUAL, Attribute, Values, attribute

DEFAULT = "default"
IPV4, IPV6 = "IPv4", "IPv6"
INGRESS, EGRESS = "ingress", "egress"
ETHERTYPES = (IPV4, IPV6)
HIGHEST_PORT, HIGHEST_ICMP, HIGHEST_PROTOCOL = 65535, 255, 255
# Names that Neutron knows.  Source: neutron-lib's constants; IANA's numbers.
PROTOCOLS = {
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "hopopt": 0,
    "icmp": 1,
    "icmpv6": 58,
    "igmp": 2,
    "ip": 0,
    "ipip": 4,
    "ipv6-encap": 41,
    "ipv6-frag": 44,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ipv6-route": 43,
    "ospf": 89,
    "pgm": 113,
    "rsvp": 46,
    "sctp": 132,
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "vrrp": 112,
}
ICMP, WITH_PORTS = (1, 58), (6, 17, 33, 132, 136)
_OF_IPV6 = {name for name in PROTOCOLS if name.startswith("ipv6-")} | {"icmpv6"}


def _ethertype(value: object) -> str:
    for known in ETHERTYPES:
        if isinstance(value, str) and value.lower() == known.lower():
            return known
    raise ValueError(f"'{value}' is not in {list(ETHERTYPES)}")


def _protocol(value: object) -> str | None:
    """
    As it was said, without the difference of cases; "any" is none.
    """
    if value is None:
        return None
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word == "any":
        return None
    is_number = word.isascii() and word.isdigit() and len(word) < 4
    if word not in PROTOCOLS and not (is_number and int(word) <= HIGHEST_PROTOCOL):
        raise ValueError(
            f"Security group rule protocol {value} not supported. Only protocol values "
            f"{sorted(PROTOCOLS)} and integer representations [0 to 255] are supported"
        )
    return word


def _port(value: object) -> int | None:
    if value is None:
        return None
    try:
        number: int = values.whole_number(0, HIGHEST_PORT)(value)
    except ValueError:
        raise ValueError(f"Invalid value for port {value}") from None
    return number


def _prefix(value: object) -> str | None:
    """
    A block, or an address alone.
    """
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP subnet") from None


GROUP: tuple[Attribute, ...] = (*USUAL, attribute("stateful", values.boolean, True))
RULE: tuple[Attribute, ...] = (
    attribute("description", values.text(), ""),
    attribute("security_group_id", values.uuid, REQUIRED, column="group_id", updated=False),
    attribute("direction", values.one_of(INGRESS, EGRESS), REQUIRED, updated=False),
    attribute("ethertype", _ethertype, IPV4, updated=False),
    attribute("protocol", _protocol, None, updated=False),
    attribute("port_range_min", _port, None, column="port_min", updated=False),
    attribute("port_range_max", _port, None, column="port_max", updated=False),
    attribute("remote_ip_prefix", _prefix, None, column="remote_cidr", updated=False),
    attribute("remote_group_id", values.or_none(values.text(36)), None, updated=False),
)


def protocol_number(protocol: str | None) -> int | None:
    """
    IANA's.
    """
    if protocol is None:
        return None
    return PROTOCOLS[protocol] if protocol in PROTOCOLS else int(protocol)


def check_rule(rule: Values) -> None:
    """
    rule: by columns.  Raises InvalidRule.
    """
    if rule["remote_cidr"] is not None and rule["remote_group_id"] is not None:
        raise InvalidRule("Only remote_ip_prefix or remote_group_id may be provided.")
    if rule["remote_cidr"] is not None:
        version = ipaddress.ip_network(rule["remote_cidr"]).version
        if rule["ethertype"] != f"IPv{version}":
            raise InvalidRule(
                f"Conflicting value ethertype {rule['ethertype']} for CIDR {rule['remote_cidr']}"
            )
    if rule["protocol"] in _OF_IPV6 and rule["ethertype"] == IPV4:
        raise InvalidRule(f"Invalid ethertype {IPV4} for protocol {rule['protocol']}.")
    _check_ports(rule["protocol"], rule["port_min"], rule["port_max"])


def _check_ports(protocol: str | None, first: int | None, last: int | None) -> None:
    if first is None and last is None:
        return
    number = protocol_number(protocol)
    if not number:
        raise InvalidRule("Must also specify protocol if port range is given.")
    if number in ICMP:
        _check_icmp(first, last)
    elif number not in WITH_PORTS:
        raise InvalidRule(
            "Port range cannot be specified for protocol "
            f"{protocol}. Port range is only supported for TCP, UDP, UDPLITE, SCTP and DCCP."
        )
    elif first is None or last is None or first > last:
        raise InvalidRule("For TCP/UDP protocols, port_range_min must be <= port_range_max")


def _check_icmp(kind: int | None, code: int | None) -> None:
    for field, name, value in (("type", "port-range-min", kind), ("code", "port-range-max", code)):
        if value is not None and value > HIGHEST_ICMP:
            raise InvalidRule(
                f"Invalid value for ICMP {field} ({name}) {value}. It must be 0 to 255."
            )
    if kind is None:
        raise InvalidRule(
            f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is "
            "missing."
        )


def first_rules(group_id: str, *, is_default: bool) -> list[dict[str, Any]]:
    """
    What a group lets through from the start: what its members send, and of the default one what
    members send each other.
    """
    bare = dict.fromkeys(("protocol", "port_min", "port_max", "remote_cidr", "remote_group_id"))
    found = [bare | {"direction": EGRESS, "ethertype": version} for version in ETHERTYPES]
    if is_default:
        inwards = bare | {"direction": INGRESS, "remote_group_id": group_id}
        found += [inwards | {"ethertype": version} for version in ETHERTYPES]
    return found
