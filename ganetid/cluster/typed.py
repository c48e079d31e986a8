"""
Parameters forced into their types, as Ganeti takes them: numbers and booleans may come as text.

Source: Ganeti 3.0.2, its messages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

UNITS = {"": 1, "m": 1, "g": 1024, "t": 1024 * 1024}
_SIZE = re.compile(r"\s*([.0-9]+)\s*(?:([a-zA-Z])[iI]?[bB]?)?\s*")
DEFAULT = "default"


class WrongType(Exception):
    """No such parameter, or a value that can't become its type."""


def forced(given: Any, types: Mapping[str, str], allowed: tuple[Any, ...] = ()) -> dict[str, Any]:
    """
    `given` with every value in its type.  Raises WrongType.

    types: string, maybe-string, bool, int, float or size (MiB), by name.
    allowed: values that stay as they are, such as "default".
    """
    if not isinstance(given, Mapping):
        raise WrongType(f"Expected dictionary, got '{given}'")
    result: dict[str, Any] = {}
    for name, value in given.items():
        if name not in types:
            raise WrongType(f"Unknown parameter '{name}'")
        keeps = any(type(value) is type(each) and value == each for each in allowed)
        result[name] = value if keeps else TYPES[types[name]](name, value)
    return result


def updated(old: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with what is changed; the value "default" takes a parameter out."""
    newer = dict(old)
    for name, value in change.items():
        if value == DEFAULT:
            newer.pop(name, None)
        else:
            newer[name] = value
    return newer


def types_of(defaults: Mapping[str, Any]) -> dict[str, str]:
    """The types of parameters that have these defaults."""
    return {name: _TYPE_OF[type(value)] for name, value in defaults.items()}


def size_mib(value: Any) -> int:
    """A size in MiB, from a number or a text such as 2g; rounded up to 4.  Raises ValueError."""
    found = _SIZE.fullmatch(str(value))
    if found is None or (found[2] or "").lower() not in UNITS:
        raise ValueError(f"Invalid format: {value!r}")
    size = float(found[1]) * UNITS[(found[2] or "").lower()]
    return math.ceil(size / 4) * 4


def _string(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    if value is False:
        return ""
    raise WrongType(f"'{name}' (value {value}) is not a valid string")


def _maybe_string(name: str, value: Any) -> Any:
    return None if value is None else _string(name, value)


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return bool(value)
    if value.lower() not in {"true", "false"}:
        raise WrongType(f"'{name}' (value {value}) is not a valid boolean")
    return value.lower() == "true"


def _integer(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise WrongType(f"'{name}' (value {value}) is not a valid integer") from None


def _float(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise WrongType(f"'{name}' (value {value}) is not a valid float") from None
    if not math.isfinite(number):
        raise WrongType(f"'{name}' (value {value}) is not a valid float")
    return number


def _size(name: str, value: Any) -> int:
    try:
        return size_mib(value)
    except (ValueError, OverflowError) as error:
        raise WrongType(f"'{name}' (value {value}) is not a valid size. error: {error}") from None


TYPES: Mapping[str, Callable[[str, Any], Any]] = {
    "string": _string,
    "maybe-string": _maybe_string,
    "bool": _boolean,
    "int": _integer,
    "float": _float,
    "size": _size,
}
_TYPE_OF: Mapping[type, str] = {bool: "bool", int: "int", float: "float", str: "string"}
