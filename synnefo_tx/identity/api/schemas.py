"""
JSON schemas of bodies, as Keystone publishes them.  Their text is part of the error that a wrong
body gets, so they are kept property by property.

Source: Keystone's keystone/common/validation/parameter_types.py and its <resource>/schema.py.
"""

from __future__ import annotations

from typing import Any

NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"[\S]+"}
PROJECT_NAME: dict[str, Any] = NAME | {"maxLength": 64}
TAGS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^,/]*$"},
    "maxItems": 80,
    "uniqueItems": True,
}
DESCRIPTION: dict[str, Any] = {"type": ["string", "null"]}
ID: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 64,
    "pattern": r"^[a-zA-Z0-9-]+$",
}
DOMAIN_ID: dict[str, Any] = ID | {"type": ["string", "null"]}
BOOLEAN: dict[str, Any] = {"type": "boolean", "enum": [True, False]}
URL: dict[str, Any] = {
    "type": "string",
    "minLength": 0,
    "maxLength": 225,
    "pattern": r"^[a-zA-Z0-9+.-]+:.+",
}


def body_schema(
    properties: dict[str, Any],
    required: tuple[str, ...] = (),
    *,
    at_least_one: bool = False,
    closed: bool = False,
) -> dict[str, Any]:
    """
    An object with these properties.  at_least_one: an empty one is refused.  closed: others are.
    """
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    if at_least_one:
        schema["minProperties"] = 1
    return schema | {"additionalProperties": not closed}


_STRING: dict[str, Any] = {"type": "string"}
_DOMAIN: dict[str, Any] = {
    "type": "object",
    "properties": {"id": _STRING, "name": _STRING},
}
_USER: dict[str, Any] = {
    "type": "object",
    "properties": {"id": _STRING, "name": _STRING, "domain": _DOMAIN},
}
TOKEN_ISSUE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "identity": {
            "type": "object",
            "properties": {
                "methods": {"type": "array", "items": _STRING},
                "password": {
                    "type": "object",
                    "properties": {
                        "user": {
                            "type": "object",
                            "properties": {
                                "id": _STRING,
                                "name": _STRING,
                                "password": _STRING,
                                "domain": _DOMAIN,
                            },
                        }
                    },
                },
                "token": {
                    "type": "object",
                    "properties": {"id": _STRING},
                    "required": ["id"],
                },
                "application_credential": {
                    "type": "object",
                    "properties": {
                        "id": _STRING,
                        "name": _STRING,
                        "secret": _STRING,
                        "user": _USER,
                    },
                },
                "totp": {
                    "type": "object",
                    "properties": {
                        "user": _USER | {"properties": _USER["properties"] | {"passcode": _STRING}},
                    },
                },
            },
            "required": ["methods"],
        },
        "scope": {
            "type": ["object", "string"],
            "properties": {
                "project": {
                    "type": "object",
                    "properties": {"name": _STRING, "id": _STRING, "domain": _DOMAIN},
                },
                "domain": _DOMAIN,
                "OS-TRUST:trust": {"type": "object", "properties": {"id": _STRING}},
                "system": {
                    "type": "object",
                    "properties": {"all": {"type": "boolean", "enum": [True, False]}},
                },
            },
        },
    },
    "required": ["identity"],
}

PATH: dict[str, Any] = {"type": "string", "minLength": 0, "maxLength": 225, "pattern": r"^/\.*"}
ACCESS_RULE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": ID,
        "path": PATH,
        "service": ID,
        "method": {"type": "string", "enum": ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]},
    },
    "additionalProperties": False,
}
ROLE_REFERENCE: dict[str, Any] = {
    "type": "object",
    "properties": {"id": ID, "name": NAME},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
APPLICATION_CREDENTIAL: dict[str, Any] = body_schema(
    {
        "id": _STRING,
        "name": NAME,
        "description": DESCRIPTION,
        "secret": {"type": ["string", "null"]},
        "expires_at": {"type": ["string", "null"]},
        "project_id": _STRING,
        "unrestricted": {"type": ["boolean", "null"]},
        "system": {"type": ["string", "null"]},
        "roles": {"type": "array", "items": ROLE_REFERENCE},
        "access_rules": {"type": "array", "items": ACCESS_RULE},
    },
    required=("name",),
    closed=True,
)

CREDENTIAL: dict[str, Any] = {
    "blob": _STRING,
    "project_id": {"type": ["string", "null"]},
    "type": _STRING,
    "user_id": _STRING,
}

TRUST: dict[str, Any] = body_schema(
    {
        "trustor_user_id": _STRING,
        "trustee_user_id": _STRING,
        "impersonation": {"type": "boolean"},
        "project_id": {"type": ["string", "null"]},
        "remaining_uses": {"type": ["integer", "null"], "minimum": 1},
        "expires_at": {"type": ["null", "string"]},
        "allow_redelegation": {"type": ["boolean", "null"]},
        "redelegation_count": {"type": ["integer", "null"], "minimum": 0},
        "redelegated_trust_id": {"type": ["string", "null"]},
        "roles": {"type": "array", "items": ROLE_REFERENCE},
    },
    required=("trustor_user_id", "trustee_user_id", "impersonation"),
)
