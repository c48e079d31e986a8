"""
The JSON schema of a request for a token, as Keystone publishes it.  Its text is part of the error
that a wrong body gets, so it is kept property by property.
"""

from __future__ import annotations

from typing import Any

_STRING: dict[str, Any] = {"type": "string"}
_DOMAIN: dict[str, Any] = {
    "type": "object",
    "properties": {"id": _STRING, "name": _STRING},
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
