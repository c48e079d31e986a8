"""
/openapi.json: the remote API described, from the table of routes and the opcodes' parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ganetid.opcodes.definition import COMMON, REQUIRED, Opcode
from ganetid.opcodes.fields import schema_of
from ganetid.rapi.api import Verb
from ganetid.rapi.cluster_info import SOFTWARE_VERSION
from ganetid.rapi.query_arguments import query_arguments

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
JOB = {"description": "Id of the job", "content": {"application/json": {"schema": {
    "type": "integer"}}}}  # fmt: skip
ANY = {"description": "The answer", "content": {"application/json": {"schema": {}}}}
FAULT = {"description": "Refused", "content": {"application/json": {"schema": {
    "$ref": "#/components/schemas/Fault"}}}}  # fmt: skip


def document(
    resources: Mapping[str, Mapping[str, Verb]], opcodes: Mapping[str, Opcode]
) -> dict[str, Any]:
    """The description, OpenAPI 3.1."""
    used = {
        verb.op_id for verbs in resources.values() for verb in verbs.values() if verb.op_id
    } & set(opcodes)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ganeti Remote API", "version": SOFTWARE_VERSION},
        "security": [{}, {"basic": []}, {"bearer": []}],
        "paths": {
            path: {method.lower(): _operation(method, path, verb, opcodes)
                   for method, verb in verbs.items()}
            for path, verbs in resources.items()
        },
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {
                "Fault": {
                    "type": "object",
                    "properties": {"code": {"type": "integer"}, "message": {"type": "string"},
                                   "explain": {"type": "string"}},
                },
                **{op_id: _schema(opcodes[op_id]) for op_id in sorted(used)},
            },
        },
    }  # fmt: skip


def _operation(method: str, path: str, verb: Verb, opcodes: Mapping[str, Opcode]) -> dict[str, Any]:
    words = [word for word in re.split(r"[^a-z0-9]+", path) if word and word != "2"]
    operation: dict[str, Any] = {
        "operationId": "_".join([method.lower(), *words]),
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True,
                 "schema": {"type": "integer" if name == "id" else "string"}}
                for name in PLACEHOLDER.findall(path)
            ),
            *query_arguments(method, path, verb.op_id is not None),
        ],
        "responses": {"200": JOB if verb.op_id else ANY, "default": FAULT},
    }  # fmt: skip
    if verb.access:
        operation["security"] = [{"basic": []}, {"bearer": []}]
    if verb.op_id in opcodes and method != "GET":
        reference = {"$ref": f"#/components/schemas/{verb.op_id}"}
        operation["requestBody"] = {"content": {"application/json": {"schema": reference}}}
    return operation


def _schema(opcode: Opcode) -> dict[str, Any]:
    """The opcode's parameters; those that the path or the query says are among them."""
    properties = {}
    for field in (*opcode.fields, *COMMON):
        schema = schema_of(field.check)
        if field.default is not REQUIRED and field.default is not None:
            schema = {**schema, "default": field.default}
        properties[field.name] = schema
    return {"type": "object", "properties": properties}
