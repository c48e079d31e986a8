"""
Bodies against schemas: what is said of values that are long or deep.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import LONGEST_LAID_OUT, TOO_DEEP, Body, keystone_wording

NAMED = {"type": "object", "properties": {"name": {"type": "string"}}}
NESTED = {"type": "array", "items": {"$ref": "#"}}


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


class BodyTests(SynchronousTestCase):
    def said(self, schema: dict[str, Any], value: Any) -> str:
        return str(self.assertRaises(BadRequest, Body(schema, keystone_wording).check, value))

    def test_a_short_value_is_laid_out_below_the_schema(self) -> None:
        said = self.said(NAMED, {"name": [1, 2]})
        self.assertTrue(said.startswith("Invalid input for field 'name': [1, 2] is not of type"))
        self.assertTrue(said.endswith("On instance['name']:\n    [1, 2]"), said)

    def test_a_long_value_is_not_laid_out(self) -> None:
        """
        What would be 100,000 lines is one.
        """
        value = [[] for _ in range(LONGEST_LAID_OUT)]
        said = self.said(NAMED, {"name": value})
        self.assertEqual(said, f"Invalid input for field 'name': {value!r} is not of type 'string'")

    def test_a_deep_value_is_not_laid_out(self) -> None:
        value = nested(400)
        self.assertEqual(self.said(NAMED, value), f"{value!r} is not of type 'object'")

    def test_a_value_too_deep_to_look_at(self) -> None:
        value = nested(sys.getrecursionlimit())
        self.assertEqual(self.said(NESTED, value), TOO_DEEP)
