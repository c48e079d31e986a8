"""
Parameters that are objects of their own: from JSON to values, with errors that name the field.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
import msgspec

from ganetid.network.addresses import Address, plain_address
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.fields import Kind

T = TypeVar("T")


def changed_value(old: T, given: Any, where: str) -> T:
    """
    `old` with the fields that are given; a field that is null has its default again.

    where: what errors call it.  Raises OpPrereqError.
    """
    kind = type(old)
    if not isinstance(given, Mapping):
        raise wrong(where, "an object is expected")
    require_known(kind, given, where)
    kept = {name: value for name, value in given.items() if value is not None}
    defaults = {
        each.name: each.default.factory() if _is_factory(each.default) else each.default
        for each in attrs.fields(typing.cast("Any", kind))
        if each.name in given and given[each.name] is None
    }
    whole = {**msgspec.to_builtins(old), **msgspec.to_builtins(defaults), **kept}
    try:
        return msgspec.convert(whole, kind)
    except msgspec.ValidationError as error:
        raise _located(where, str(error)) from None


def new_value(kind: type[T], given: Any, where: str) -> T:
    """A value of this kind.  Raises OpPrereqError."""
    if not isinstance(given, Mapping):
        raise wrong(where, "an object is expected")
    require_known(kind, given, where)
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise _located(where, str(error)) from None


def wrong(where: str, problem: str) -> OpPrereqError:
    """The error about one field."""
    return OpPrereqError(f"{where}: {problem}", WRONG_INPUT)


def check_ip(given: str, where: str, version: int | None = None) -> Address:
    """The address.  Raises OpPrereqError."""
    try:
        address = plain_address(given)
    except ValueError:
        raise wrong(where, f"'{given}' is no IP address") from None
    if version not in {None, address.version}:
        raise wrong(where, f"'{given}' is no IPv{version} address")
    return address


def require_known(kind: Any, given: Any, where: str) -> None:
    """Raises OpPrereqError for a field that the kind has not, however deep."""
    kind = _plain(kind)
    if attrs.has(kind) and isinstance(given, Mapping):
        hints = typing.get_type_hints(kind)
        for name, value in given.items():
            if name not in {each.name for each in attrs.fields(kind)}:
                raise wrong(f"{where}.{name}", "there is no such field")
            require_known(hints[name], value, f"{where}.{name}")
    elif typing.get_origin(kind) is tuple and isinstance(given, list):
        for index, value in enumerate(given):
            require_known(typing.get_args(kind)[0], value, f"{where}[{index}]")


def object_kind(kind: type[Any], *without: str) -> Kind:
    """
    The opcode's check of such a parameter: an object.  What is in it is looked at by the functions
    above, which can say what is wrong.  without: fields that are not the user's to give.
    """
    schema, parts = msgspec.json.schema_components([kind], ref_template="{name}")
    named = _inlined(schema[0], parts)
    properties = {
        name: each for name, each in named.get("properties", {}).items() if name not in without
    }
    shown = {"type": "object", "properties": properties, "additionalProperties": False}
    return Kind(lambda value: isinstance(value, dict), shown)


def _plain(kind: Any) -> Any:
    """The kind without its None."""
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        rest = [each for each in typing.get_args(kind) if each is not type(None)]
        return rest[0] if len(rest) == 1 else kind
    return kind


def _located(where: str, message: str) -> OpPrereqError:
    """msgspec says ``... - at `$.rules[0].port_min```."""
    problem, _, path = message.partition(" - at `$")
    return wrong(where + path.rstrip("`"), problem)


def _is_factory(default: Any) -> bool:
    return isinstance(default, attrs.Factory)  # type: ignore[arg-type]


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"]], parts)
    return {name: _inlined(each, parts) for name, each in schema.items()}
