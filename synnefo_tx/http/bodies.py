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
        return f"Invalid input for field '{'/'.join(map(str, error.path))}': {error}"
    return str(error)


class Body:
    """
    A schema ready for use: `check(value)` returns the value or raises BadRequest.
    """

    def __init__(self, schema: Schema, wording: Wording = nova_wording) -> None:
        self._validator = Draft4Validator(schema)
        self._wording = wording

    def check(self, value: object) -> Any:
        error = best_match(self._validator.iter_errors(value))
        if error is not None:
            raise BadRequest(self._wording(error))
        return value
