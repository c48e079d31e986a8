"""
What an image's attributes may be, whoever sets them.  Pure.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.image.errors import NotPermitted, Reserved, TooMany
from synnefo_tx.image.model import Image

SETTABLE = frozenset(
    {
        *("name", "visibility", "protected", "os_hidden", "owner", "tags"),
        *("disk_format", "container_format", "min_ram", "min_disk"),
    }
)
READ_ONLY = (
    *("created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url"),
    *("self", "file", "schema", "id", "os_hash_algo", "os_hash_value", "stores"),
)
RESERVED = ("location", "deleted", "deleted_at")
RESERVED_PREFIX = "os_glance"
MAX_TAGS = 128
MAX_PROPERTIES = 128
_BIGGEST = 2**31 - 1


def refuse_reserved(name: str) -> None:
    """
    Raises Reserved for what can't be a custom property's name.
    """
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Reserved(name)


def checked(image: Image, is_admin: bool, before: Image | None = None) -> Image:
    """
    `image`, if its attributes may be so.  `before`: what it was, None for a new one.

    Raises BadRequest for numbers out of range, NotPermitted for publishing without the admin
    role, TooMany for tags and properties over their limits.
    """
    for name in ("min_disk", "min_ram"):
        value = getattr(image, name)
        if value < 0:
            raise BadRequest(
                f"Invalid value '{value}' for parameter '{name}': Cannot be a negative value"
            )
        if value > _BIGGEST:
            raise BadRequest(f"Invalid value '{value}' for parameter '{name}': Too large")
    published = image.visibility == "public" and (before is None or before.visibility != "public")
    if published and not is_admin:
        raise NotPermitted("publicize_image")
    if len(image.tags) > MAX_TAGS:
        raise TooMany("tags", len(image.tags), MAX_TAGS)
    if len(image.properties) > MAX_PROPERTIES:
        raise TooMany("properties", len(image.properties), MAX_PROPERTIES)
    return image


def with_attribute(image: Image, name: str, value: Any) -> Image:
    """
    `image` with one of SETTABLE changed.  Raises Forbidden for a format once there are data.
    """
    if name in ("disk_format", "container_format") and image.status != "queued":
        raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
    if name == "tags":
        value = tuple(sorted(set(value)))
    return evolve(image, **{name: value})
