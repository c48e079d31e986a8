"""
Bodies that set quotas.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.parameters import is_true
from synnefo_tx.compute.rules.quotas import FIXED, NOVA, hidden, hidden_of_class
from synnefo_tx.compute.rules.validation import NovaSchema, Schema
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.microversions import Version
from synnefo_tx.quota.model import Holding

_LIMIT: Schema = {
    "type": ["integer", "string"],
    "pattern": "^-?[0-9]+$",
    "minimum": -1,
    "maximum": 0x7FFFFFFF,
}


def update_schema(version: Version) -> NovaSchema:
    """
    For PUT /os-quota-sets.
    """
    known = (NOVA.keys() | FIXED.keys()) - set(hidden(version))
    limits = dict.fromkeys(sorted(known), _LIMIT)
    return NovaSchema(p.envelope("quota_set", {**limits, "force": p.BOOLEAN}))


def class_schema(version: Version) -> NovaSchema:
    """
    For PUT /os-quota-class-sets.
    """
    known = (NOVA.keys() | FIXED.keys()) - set(hidden_of_class(version))
    return NovaSchema(p.envelope("quota_class_set", dict.fromkeys(sorted(known), _LIMIT)))


def read_class_limits(body: dict[str, Any]) -> dict[str, int]:
    """
    The limits by Nova's names, as `read_limits` reads them.
    """
    return {name: int(value) for name, value in body["quota_class_set"].items() if name in NOVA}


def read_limits(body: dict[str, Any]) -> tuple[dict[str, int], bool]:
    """
    The limits by Nova's names, -1 for none, of a body that has been checked; and whether they hold
    even below what is used.  Those of what does not exist here are left out.
    """
    asked = body["quota_set"]
    limits = {name: int(value) for name, value in asked.items() if name in NOVA}
    return limits, is_true(asked.get("force", False))


def check_limit(name: str, limit: int, used: int, highest: int = -1) -> None:
    """
    Raises BadRequest for a limit below what is `used`, or above the `highest` allowed.
    """
    if 0 <= limit < used:
        raise BadRequest(
            f"Quota limit {limit} for {name} must be greater than or equal to already used and "
            f"reserved {used}."
        )
    if highest >= 0 and not 0 <= limit <= highest:
        raise BadRequest(f"Quota limit {limit} for {name} must be less than or equal to {highest}.")


def check_limits(
    limits: dict[str, int], held: dict[str, Holding], highest: dict[str, Holding] | None
) -> None:
    """
    highest: the project's own limits when those are a user's in it.  Raises BadRequest.
    """
    for name, limit in limits.items():
        check_limit(name, limit, held[name].used, highest[name].limit if highest else -1)
