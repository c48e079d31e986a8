"""
Changes to an image as JSON patches say them, both of Glance's media types.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen

from synnefo_tx.errors import BadRequest, Conflict, Forbidden
from synnefo_tx.image.errors import ReadOnly
from synnefo_tx.image.model import Image
from synnefo_tx.image.rules.attributes import (
    READ_ONLY,
    SETTABLE,
    checked,
    refuse_reserved,
    with_attribute,
)
from synnefo_tx.image.rules.creation import PROPERTY_NAME_LENGTH
from synnefo_tx.image.schemas import image_body

OLD = "application/openstack-images-v2.0-json-patch"
NEW = "application/openstack-images-v2.1-json-patch"
_OPERATIONS = ("add", "remove", "replace")
_LOCATION_DEPTHS = {"add": 2, "remove": 2, "replace": 1}
_LOCATION_WORDS = {"add": "add", "remove": "remove", "replace": "update"}


@frozen
class Change:
    """
    One operation on one attribute.  old_draft: `add` must not meet what exists.
    """

    operation: str
    name: str
    value: Any = None
    old_draft: bool = False


def changes(body: object, old_draft: bool) -> list[Change]:
    """
    The operations in `body`, decoded JSON.  Raises BadRequest, ReadOnly and Reserved.
    """
    if not isinstance(body, list):
        raise BadRequest("Request body must be a JSON array of operation objects.")
    return [_change(raw, old_draft) for raw in body]


def changed(image: Image, asked: Sequence[Change], is_admin: bool, now_us: int) -> Image:
    """
    `image` after all changes.  Raises Forbidden, Conflict, and what `checked` raises.
    """
    after = image
    for change in asked:
        if change.operation == "remove":
            after = _without(after, change.name)
        else:
            after = _with(after, change, is_admin)
    return evolve(checked(after, is_admin, before=image), updated_at=now_us)


def _change(raw: object, old_draft: bool) -> Change:
    if not isinstance(raw, dict):
        raise BadRequest("Operations must be JSON objects.")
    operation = _old_operation(raw) if old_draft else _new_operation(raw)
    if old_draft:
        pointer = raw[operation]
    elif "path" in raw:
        pointer = raw["path"]
    else:
        raise BadRequest("Unable to find 'path' in JSON Schema change")
    path = _decoded(pointer)
    depth = _LOCATION_DEPTHS[operation] if path[0] == "locations" else 1
    if len(path) != depth:
        raise BadRequest(f"Invalid JSON pointer for this resource: '/{'/'.join(path)}'")
    value = None
    if operation != "remove":
        if "value" not in raw:
            raise BadRequest(f'Operation "{operation}" requires a member named "value".')
        value = raw["value"]
    _refuse(path[0], operation, value)
    return Change(operation, path[0], value, old_draft)


def _refuse(name: str, operation: str, value: Any) -> None:
    if name in READ_ONLY and name != "stores":
        raise ReadOnly(name)
    refuse_reserved(name)
    if len(name) > PROPERTY_NAME_LENGTH:
        raise BadRequest("Custom property should not be greater than 255 characters.")
    if name == "locations":
        if operation == "replace" and not value:
            raise Forbidden("Cannot set locations to empty list.")
        raise Forbidden(
            f"It's not allowed to {_LOCATION_WORDS[operation]} locations if locations are "
            "invisible."
        )
    if operation != "remove":
        image_body.check({name: value})


def _new_operation(raw: dict[str, Any]) -> str:
    known = ", ".join(_OPERATIONS)
    operation = raw.get("op")
    if operation is None:
        raise BadRequest(
            f"Unable to find `op` in JSON Schema change. It must be one of the following: {known}."
        )
    if operation not in _OPERATIONS:
        raise BadRequest(
            f"Invalid operation: `{operation}`. It must be one of the following: {known}."
        )
    return str(operation)


def _old_operation(raw: dict[str, Any]) -> str:
    found = [name for name in _OPERATIONS if name in raw]
    if len(found) == 1:
        return found[0]
    count = "only" if found else "exactly"
    raise BadRequest(
        f'Operation objects must contain {count} one member named "add", "remove", or "replace".'
    )


def _decoded(pointer: object) -> list[str]:
    if not isinstance(pointer, str):
        raise BadRequest("Invalid JSON pointer for this resource: the path must be a string")
    if not pointer.startswith("/"):
        raise BadRequest(f'Pointer `{pointer}` does not start with "/".')
    if re.search(r"/\s*?/", pointer[1:]):
        raise BadRequest(f'Pointer `{pointer}` contains adjacent "/".')
    if len(pointer) > 1 and pointer.endswith("/"):
        raise BadRequest(f'Pointer `{pointer}` end with "/".')
    if re.search("~[^01]", pointer) or pointer.endswith("~"):
        raise BadRequest(
            f'Pointer `{pointer}` contains "~" not part of a recognized escape sequence.'
        )
    parts = pointer.lstrip("/").split("/")
    return [part.replace("~1", "/").replace("~0", "~").strip() for part in parts]


def _with(image: Image, change: Change, is_admin: bool) -> Image:
    name = change.name
    exists = name in SETTABLE or name in image.properties
    if name == "owner" and not is_admin:
        raise Forbidden("Owner can't be updated by non admin.")
    if change.operation == "replace" and not exists:
        raise Conflict(f"Property {name} does not exist.")
    if change.operation == "add" and exists and change.old_draft:
        raise Conflict(f"Property {name} already present.")
    if name in SETTABLE:
        return with_attribute(image, name, change.value)
    return evolve(image, properties={**image.properties, name: change.value})


def _without(image: Image, name: str) -> Image:
    if name in SETTABLE:
        raise Forbidden(f"Property {name} may not be removed.")
    if name not in image.properties:
        raise Conflict(f"Property {name} does not exist.")
    rest = {key: value for key, value in image.properties.items() if key != name}
    return evolve(image, properties=rest)
