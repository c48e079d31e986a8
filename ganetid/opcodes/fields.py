"""
What values an opcode's parameters take: a check, and the same said as JSON schema.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

Check = Callable[[Any], bool]
Schema = Mapping[str, Any]


@frozen
class Kind:
    """A check that can say what it wants.  schema: JSON schema."""

    accepts: Check
    schema: Schema = field(factory=dict)

    def __call__(self, value: Any) -> bool:
        """Whether the value is of this kind."""
        return self.accepts(value)


def schema_of(check: Check) -> dict[str, Any]:
    """The check as JSON schema; of one that says nothing, the schema that takes everything."""
    return dict(check.schema) if isinstance(check, Kind) else {}


def optional(check: Check) -> Kind:
    """The check, or None."""
    inner = schema_of(check)
    schema = {"anyOf": [inner, {"type": "null"}]} if inner else {}
    return Kind(lambda value: value is None or check(value), schema)


def either(*checks: Check) -> Kind:
    """One of the checks at least."""
    return Kind(
        lambda value: any(check(value) for check in checks),
        {"anyOf": [schema_of(check) for check in checks]},
    )


def one_of(*values: Any) -> Kind:
    """Exactly one of these values."""
    return Kind(
        lambda value: any(type(value) is type(each) and value == each for each in values),
        {"enum": list(values)},
    )


def list_of(check: Check) -> Kind:
    """A list, each of whose items passes."""
    return Kind(
        lambda value: isinstance(value, list) and all(check(item) for item in value),
        {"type": "array", "items": schema_of(check)},
    )


def tuple_of(*checks: Check) -> Kind:
    """A list of this length, each item passing its own check."""
    return Kind(
        lambda value: (
            isinstance(value, list)
            and len(value) == len(checks)
            and all(check(item) for check, item in zip(checks, value, strict=True))
        ),
        {"type": "array", "minItems": len(checks), "maxItems": len(checks)},
    )


def dict_of(check: Check, keys: tuple[str, ...] | None = None) -> Kind:
    """A JSON object whose values pass; keys: those that are possible."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": schema_of(check)}
    if keys is not None:
        schema = {
            "type": "object",
            "properties": dict.fromkeys(keys, schema_of(check)),
            "additionalProperties": False,
        }
    return Kind(
        lambda value: (
            isinstance(value, dict)
            and all(check(each) for each in value.values())
            and (keys is None or set(value) <= set(keys))
        ),
        schema,
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_ipv4(value: Any) -> bool:
    return _parses(ipaddress.IPv4Address, value)


def _is_ipv4_network(value: Any) -> bool:
    return _parses(ipaddress.IPv4Network, value)


def _is_ipv6(value: Any) -> bool:
    return _parses(ipaddress.IPv6Address, value)


def _is_ipv6_network(value: Any) -> bool:
    return _parses(ipaddress.IPv6Network, value)


def _parses(kind: Callable[[str], Any], value: Any) -> bool:
    if not isinstance(value, str) or "%" in value:  # a zone can be any text
        return False
    try:
        kind(value)
    except ValueError:
        return False
    return True


anything = Kind(lambda value: True)
boolean = Kind(lambda value: isinstance(value, bool), {"type": "boolean"})
string = Kind(lambda value: isinstance(value, str), {"type": "string"})
text = Kind(
    lambda value: isinstance(value, str) and value != "", {"type": "string", "minLength": 1}
)
integer = Kind(_is_integer, {"type": "integer"})
number = Kind(lambda value: _is_integer(value) or isinstance(value, float), {"type": "number"})
not_negative = Kind(
    lambda value: _is_integer(value) and value >= 0, {"type": "integer", "minimum": 0}
)
positive = Kind(lambda value: _is_integer(value) and value > 0, {"type": "integer", "minimum": 1})
mapping = Kind(lambda value: isinstance(value, dict), {"type": "object"})
ipv4 = Kind(_is_ipv4, {"type": "string", "format": "ipv4"})
ipv4_network = Kind(_is_ipv4_network, {"type": "string"})
ipv6 = Kind(_is_ipv6, {"type": "string", "format": "ipv6"})
ipv6_network = Kind(_is_ipv6_network, {"type": "string"})
list_of_text = list_of(text)
list_of_strings = list_of(string)
list_of_dicts = list_of(mapping)
dict_of_dicts = dict_of(mapping)

DISK_TEMPLATES = (
    "file", "drbd", "gluster", "plain", "blockdev", "rbd", "sharedfile", "ext", "diskless",
)  # fmt: skip
HYPERVISORS = ("fake", "chroot", "lxc", "xen-hvm", "xen-pvm", "kvm")
NIC_FIELDS = ("link", "mode", "vlan", "bridge", "network", "mac", "name", "ip")

disk_template = one_of(*DISK_TEMPLATES)
hypervisor = one_of(*HYPERVISORS)
_nic_texts = dict_of(optional(string), NIC_FIELDS)
_nic_properties = {**_nic_texts.schema["properties"], "port": mapping.schema}
nic_parameters = Kind(  # port: ours, see opcodes.network_port
    lambda value: (
        isinstance(value, dict)
        and isinstance(value.get("port", {}), dict)
        and _nic_texts({name: each for name, each in value.items() if name != "port"})
    ),
    {**_nic_texts.schema, "properties": _nic_properties},
)
disk_parameters = dict_of(either(text, integer))
