"""
JSON schemas as Nova reads them: its formats, numbers in strings, and its words for what is wrong.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import string
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from jsonschema import Draft4Validator, FormatChecker, FormatError
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import TOO_DEEP

Schema = dict[str, Any]

_formats = FormatChecker(formats=())


class InvalidName(ValueError):
    """
    A name with characters that names can't have; says which ones they can.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"An invalid 'name' value was provided. The name must be: {reason}")


def is_uuid(text: object) -> bool:
    """
    Whether `text` is a UUID as oslo.utils sees it: in any case, with or without hyphens.
    """
    try:
        plain = str(text).replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "")
        return str(uuid.UUID(str(text))).replace("-", "") == plain.lower()
    except (ValueError, TypeError, AttributeError):
        return False


def moment_us(text: str) -> int:
    """
    Microseconds since the epoch of an ISO 8601 time; UTC when it names no zone.  Raises ValueError.
    """
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        when = datetime.fromisoformat(
            text + "+00:00" if "T" in text or " " in text else text + "T00:00:00+00:00"
        )
    return int(when.timestamp() * 1_000_000)


def _is_printable(char: str, spaces: bool) -> bool:
    category = unicodedata.category(char)
    if category == "Zs":
        return spaces
    return not category.startswith(("C", "Z"))


@_formats.checks("uuid")
def _uuid(value: object) -> bool:
    return is_uuid(value)


@_formats.checks("ipv4", raises=ValueError)
def _ipv4(value: object) -> bool:
    return ipaddress.IPv4Address(str(value)) is not None


@_formats.checks("ipv6", raises=ValueError)
def _ipv6(value: object) -> bool:
    # An address with a zone ("%eth0") means nothing to anybody else.
    return "%" not in str(value) and ipaddress.IPv6Address(str(value)) is not None


@_formats.checks("base64")
def _base64(value: object) -> bool:
    try:
        base64.b64decode(str(value))
    except (binascii.Error, ValueError):
        return False
    return True


@_formats.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    return moment_us(str(value)) is not None


@_formats.checks("regex")
def _regex(value: object) -> bool:
    try:
        re.compile(str(value))
    except re.error:
        return False
    return bool(value)


@_formats.checks("name", raises=InvalidName)
def _name(value: object) -> bool:
    text = str(value)
    ends = text[:1] + text[-1:]
    good = all(_is_printable(char, spaces=True) for char in text) and all(
        _is_printable(char, spaces=False) for char in ends
    )
    if not isinstance(value, str) or not good:
        raise InvalidName("printable characters. Can not start or end with whitespace.")
    return True


@_formats.checks("printable")
def _printable(value: object) -> bool:
    return all(_is_printable(char, spaces=True) for char in str(value))


def _keypair_name(safe: str) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        if any(char not in safe for char in str(value)):
            raise InvalidName(f"Only expected characters: [{safe}]")
        return True

    return check


_SAFE = string.digits + string.ascii_letters
_formats.checks("keypair_name", raises=InvalidName)(_keypair_name("_- " + _SAFE))
_formats.checks("keypair_name_292", raises=InvalidName)(_keypair_name("@._- " + _SAFE))


class _Formats(FormatChecker):
    """
    Says "'x' is not a 'uuid'", with the cause kept.
    """

    checkers = _formats.checkers

    def check(self, instance: object, format: str) -> None:  # noqa: A002 - jsonschema's name
        known = _formats.checkers.get(format)
        if known is None:
            return
        checker, raises = known
        cause: Exception | None = None
        good = False
        try:
            good = bool(checker(instance))
        except raises as error:
            cause = error
        if not good:
            raise FormatError(f"{instance!r} is not a {format!r}", cause=cause)


def _number(value: Any) -> int | float | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _bound(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    plain = Draft4Validator.VALIDATORS[keyword]

    def check(
        validator: Any, bound: Any, instance: object, schema: Any
    ) -> Iterator[ValidationError]:
        number = _number(instance)
        if number is not None:
            yield from plain(validator, bound, number, schema) or ()

    return check


_Validator = extend(Draft4Validator, {"minimum": _bound("minimum"), "maximum": _bound("maximum")})


class NovaSchema:
    """
    A schema ready for use.
    """

    def __init__(self, schema: Schema) -> None:
        self._validator = _Validator(schema, format_checker=_Formats())

    def check(self, body: object) -> Any:
        """
        `body` itself.  Raises BadRequest in Nova's words.
        """
        self._raise(body, "field/attribute", last=True)
        return body

    def check_query(self, pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
        """
        The query as name -> values.  Raises BadRequest.
        """
        query: dict[str, list[str]] = {}
        for name, value in pairs:
            query.setdefault(name, []).append(value)
        self._raise(query, "query parameters", last=False)
        return query

    def _raise(self, value: object, where: str, last: bool) -> None:
        try:
            error = best_match(self._validator.iter_errors(value))
        except RecursionError as deep:
            raise BadRequest(TOO_DEEP) from deep
        if error is None:
            return
        if isinstance(error.cause, InvalidName):
            raise BadRequest(str(error.cause))
        if not error.path:
            raise BadRequest(error.message)
        name = error.path[-1] if last else error.path[0]
        raise BadRequest(
            f"Invalid input for {where} {name}. Value: {error.instance}. {error.message}"
        )
