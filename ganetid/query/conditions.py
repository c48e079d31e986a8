"""
Filters of the query language, compiled to functions: ``["&", ["=", "name", "x"], ["?", "up"]]``.

Operators: ``& | ! ?`` and ``= == != < <= > >= =~ =[]``.  A field that has no value lets the row
pass, whatever is asked of it but ``!=``.  The words of
refusals are Ganeti 3.0.2's, checked against it.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from typing import Any

from attrs import frozen

from ganetid.query.patterns import BadPattern, searcher

MAX_DEPTH = 100


class BadFilter(Exception):
    """It is no filter."""


class UnfitFilter(Exception):
    """A filter that asks a field for what it can't be asked: a text whether it is less than 3."""


@frozen
class Missing:
    """What a field answers that has no value."""


MISSING = Missing()

# A row's field by name; MISSING when it has no value.  Raises UnfitFilter for an unknown field.
Look = Callable[[str], Any]
Condition = Callable[[Look], bool]

COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def everything(look: Look) -> bool:
    """No filter: every row."""
    return True


def compiled(given: Any, depth: int = 0) -> Condition:
    """The filter as a function of a row.  None: every row.  Raises BadFilter."""
    if given is None and depth == 0:
        return everything
    if not isinstance(given, (list, tuple)) or not given or not isinstance(given[0], str):
        raise BadFilter(
            f"Cannot deserialise filter: expected array [string, args], got {_json(given)}"
        )
    if depth > MAX_DEPTH:
        raise BadFilter("Cannot deserialise filter: too deep")
    name, arguments = given[0], list(given[1:])
    if name in {"&", "|"}:
        parts = [compiled(each, depth + 1) for each in arguments]
        return _all(parts) if name == "&" else _any(parts)
    if name == "!":
        if len(arguments) != 1:
            raise BadFilter(
                f"Cannot deserialise field, expected [filter] but got {_json(arguments)}"
            )
        return _none(compiled(arguments[0], depth + 1))
    return _leaf(name, arguments)


def names_in(given: Any) -> set[str]:
    """The fields that a filter, which compiles, asks for."""
    if given is None:
        return set()
    if given[0] in {"&", "|", "!"}:
        return {name for each in given[1:] for name in names_in(each)}
    return {given[1]}


def canonical(given: Any) -> Any:
    """The filter as Ganeti keeps it: with ``==`` for the old ``=``."""
    if given[0] in {"&", "|", "!"}:
        return [given[0], *(canonical(each) for each in given[1:])]
    return ["==" if given[0] == "=" else given[0], *given[1:]]


def _leaf(name: str, arguments: list[Any]) -> Condition:
    if name == "?":
        if len(arguments) != 1:
            raise BadFilter(
                f"Cannot deserialise field, expected [fieldname] but got {_json(arguments)}"
            )
        return _truth(_field(arguments[0]))
    if name not in COMPARED and name not in {"=~", "=[]"}:
        raise BadFilter(f"Unknown filter operand '{name}'")
    if len(arguments) != 2:
        raise BadFilter(
            "Cannot deserialise field/value pair, expected [fieldname, value]"
            f" but got {_json(arguments)}"
        )
    field = _field(arguments[0])
    if name == "=~":
        return _matching(field, arguments[1])
    value = arguments[1]
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise BadFilter(
            f"Cannot deserialise filter value, expecting string or integer, got {_json(value)}"
        )
    return _containing(field, value) if name == "=[]" else _comparing(name, field, value)


def _field(given: Any) -> str:
    if not isinstance(given, str):
        raise BadFilter("Unable to read String")
    return given


def _all(parts: list[Condition]) -> Condition:
    return lambda look: all(part(look) for part in parts)


def _any(parts: list[Condition]) -> Condition:
    return lambda look: any(part(look) for part in parts)


def _none(part: Condition) -> Condition:
    return lambda look: not part(look)


def _truth(field: str) -> Condition:
    def condition(look: Look) -> bool:
        found = look(field)
        if found is MISSING:
            return True
        if not isinstance(found, bool):
            raise UnfitFilter(f"Unexpected value '{_json(found)}' in boolean context")
        return found

    return condition


def _comparing(name: str, field: str, value: str | int) -> Condition:
    compare = COMPARED[name]

    def condition(look: Look) -> bool:
        found = look(field)
        if found is MISSING:
            return name != "!="  # to Ganeti that is "not =="
        if not _comparable(found, value):
            kind = "QuotedString" if isinstance(value, str) else "NumericValue"
            raise UnfitFilter(
                f"Invalid types in comparison, trying to compare {_json(found)}"
                f" with '{kind} {_json(value)}'"
            )
        return compare(found, value)

    return condition


def _comparable(found: Any, value: str | int) -> bool:
    if isinstance(value, str):
        return isinstance(found, str)
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def _containing(field: str, value: str | int) -> Condition:
    def condition(look: Look) -> bool:
        found = look(field)
        if found is MISSING:
            return True
        if not isinstance(found, list):
            raise UnfitFilter(f"Cannot convert value '{_json(found)}', error: Unable to read list")
        return value in found

    return condition


def _matching(field: str, text: Any) -> Condition:
    if not isinstance(text, str):
        raise BadFilter("Unable to read String")
    try:
        is_in = searcher(text)
    except BadPattern as error:
        raise BadFilter(str(error)) from None

    def condition(look: Look) -> bool:
        found = look(field)
        if found is MISSING:
            return True
        if not isinstance(found, str):
            raise UnfitFilter(
                "Invalid field value used in regexp matching, expecting string"
                f" but got '{_json(found)}'"
            )
        return is_in(found)

    return condition


def _json(value: Any) -> str:
    return json.dumps(value)
