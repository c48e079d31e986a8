"""
Request bodies against JSON schemas, with the very messages of the OpenStack services.

Nova, Keystone and Glance check bodies with the same library, so the texts come out the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError, best_match

from synnefo_tx.errors import BadRequest

Schema = dict[str, Any]
Wording = Callable[[ValidationError], str]
LONGEST_LAID_OUT = 10_000  # characters
TOO_DEEP = "The body is nested too deeply."


def nova_wording(error: ValidationError) -> str:
    """
    "Invalid input for field/attribute name. Value: 1. 1 is not of type 'string'".
    """
    if error.path:
        return (
            f"Invalid input for field/attribute {error.path[-1]}. Value: {error.instance}. "
            f"{error.message}"
        )
    return error.message


def keystone_wording(error: ValidationError) -> str:
    """
    "Invalid input for field 'name': 1 is not of type 'string'" and then, as Keystone does, the
    part of the schema and the value that do not fit.  Those go to the sender only: never log them.
    """
    if error.path:
        return f"Invalid input for field '{'/'.join(map(str, error.path))}': {in_full(error)}"
    return in_full(error)


def in_full(error: ValidationError) -> str:
    """
    The library's own long text; without the schema and the value when those are long or deep,
    because laying them out takes seconds for a body that takes microseconds to read.
    """
    try:
        return str(error) if len(repr(error.instance)) <= LONGEST_LAID_OUT else error.message
    except RecursionError:
        return error.message


class Body:
    """
    A schema ready for use: `check(value)` returns the value or raises BadRequest.
    """

    def __init__(self, schema: Schema, wording: Wording = nova_wording) -> None:
        self._validator = Draft4Validator(schema)
        self._wording = wording

    def check(self, value: object) -> Any:
        try:
            error = best_match(self._validator.iter_errors(value))
        except RecursionError as deep:
            raise BadRequest(TOO_DEEP) from deep
        if error is not None:
            raise BadRequest(self._wording(error))
        return value
