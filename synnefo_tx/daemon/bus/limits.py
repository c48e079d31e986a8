"""
What a message and a subscription may be, the same on every bus.

So that what a process tried on its own bus does not fail on a broker.
Source: AMQP 0-9-1 section 4.2: names are short strings, numbers have 64 bits at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

LONGEST_NAME_BYTES = 255
LARGEST_PREFETCH = 65535
DEEPEST = 16


def check_message(routing_key: str, headers: Mapping[str, object] | None) -> None:
    """Raises ValueError for a key or a header that can't travel."""
    _check_name(routing_key)
    _check_value(dict(headers or {}), DEEPEST)


def check_subscription(queue: str, routing_keys: Sequence[str], prefetch: int) -> None:
    """Raises ValueError for a name or a number that no broker takes."""
    _check_name(f"{queue}-dl")
    if not queue:
        raise ValueError("a queue has a name")
    for routing_key in routing_keys:
        _check_name(routing_key)
    if not 1 <= prefetch <= LARGEST_PREFETCH:
        raise ValueError(f"prefetch is 1 to {LARGEST_PREFETCH}, not {prefetch}")


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ValueError(f"a name is text, not {name!r}")
    if len(_encoded(name)) > LONGEST_NAME_BYTES:
        raise ValueError(f"a name has at most {LONGEST_NAME_BYTES} bytes: {name!r}")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} is not text") from error


def _check_value(value: object, depth: int) -> None:
    if depth < 0:
        raise ValueError(f"headers nest at most {DEEPEST} deep")
    match value:
        case None | bool() | float() | bytes() | Decimal():
            return
        case int() if -(1 << 63) <= value < 1 << 63:
            return
        case str():
            _encoded(value)
        case datetime() if value.tzinfo is not None and value.timestamp() >= 0:
            return
        case list() | tuple():
            for each in value:
                _check_value(each, depth - 1)
        case dict():
            for name, each in value.items():
                _check_name(name)
                _check_value(each, depth - 1)
        case _:
            raise ValueError(f"a header can't be {value!r}")
