"""
Bodies about a flavor that is there: its description, extra specs, and who may use it.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema, Schema
from synnefo_tx.errors import BadRequest

DESCRIPTION: Schema = {
    "type": ["string", "null"],
    "minLength": 0,
    "maxLength": 65535,
    "format": "printable",
}
UPDATE = NovaSchema(p.envelope("flavor", {"description": DESCRIPTION}, ("description",)))
_SPECS: Schema = {
    "type": "object",
    "patternProperties": {
        "^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "number"], "maxLength": 255}
    },
    "additionalProperties": False,
}
_ALL = NovaSchema(
    {
        "type": "object",
        "properties": {"extra_specs": _SPECS},
        "required": ["extra_specs"],
        "additionalProperties": False,
    }
)
_ONE = NovaSchema({**_SPECS, "minProperties": 1, "maxProperties": 1})
_TENANT: dict[str, Schema] = {"tenant": {"type": "string", "minLength": 1, "maxLength": 255}}
_ACCESS = {
    name: NovaSchema(p.envelope(name, _TENANT, ("tenant",)))
    for name in ("addTenantAccess", "removeTenantAccess")
}


def read_specs(body: object) -> dict[str, str]:
    """
    The extra specs of a body that sets some.  Raises BadRequest.
    """
    return _texts(_ALL.check(body)["extra_specs"])


def read_spec(body: object, key: str) -> dict[str, str]:
    """
    The one extra spec of a body for `key`.  Raises BadRequest.
    """
    asked = _texts(_ONE.check(body))
    if key not in asked:
        raise BadRequest("Request body and URI mismatch")
    return asked


def read_access(body: object) -> tuple[bool, str]:
    """
    Whether access is given (else it is taken), and to which project.  Raises BadRequest.
    """
    if isinstance(body, dict) and len(body) == 1:
        (name,) = body
        if name in _ACCESS:
            asked = _ACCESS[name].check(body)[name]
            return name == "addTenantAccess", str(asked["tenant"])
        raise BadRequest(f"There is no such action: {name}")
    raise BadRequest("Malformed request body")


def _texts(specs: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in specs.items()}
