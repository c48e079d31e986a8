"""
From the body of POST /v2/images to a new image.  Pure.
"""

from __future__ import annotations

import uuid
from typing import Any

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.image.errors import ReadOnly, Reserved
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rules.attributes import READ_ONLY, SETTABLE, checked, refuse_reserved
from synnefo_tx.image.schemas import image_body

_NEVER = ("direct_url", "self", "file", "schema", "stores")
ID_LENGTH = 36
PROPERTY_NAME_LENGTH = 255


def new_image(body: object, viewer: Viewer, now_us: int) -> Image:
    """
    The queued image that `body`, decoded JSON, describes.

    Raises BadRequest, ReadOnly, Reserved, NotPermitted and Forbidden (another's image).
    """
    if not isinstance(body, dict):
        raise BadRequest("Unexpected body type. Expected dict.")
    for name in _NEVER:
        if name in body:
            raise ReadOnly(name)
    given: dict[str, Any] = dict(image_body.check(body))
    image_id = given.pop("id", None) or str(uuid.uuid4())
    if len(image_id) != ID_LENGTH:  # the schema's pattern lets a newline follow
        raise BadRequest("Invalid image id format")
    attributes = {name: given.pop(name) for name in SETTABLE & set(given)}
    for name in READ_ONLY:
        if name in given:
            raise ReadOnly(name)
    if "locations" in given:
        raise Reserved("locations")
    for name in given:
        if len(name) > PROPERTY_NAME_LENGTH:
            raise BadRequest("Custom property should not be greater than 255 characters.")
        refuse_reserved(name)
    owner = attributes.pop("owner", viewer.project_id)
    if owner != viewer.project_id and not viewer.is_admin:
        raise Forbidden(f"You are not permitted to create images owned by '{owner}'")
    tags = tuple(sorted(set(attributes.pop("tags", ()))))
    image = Image(
        id=image_id,
        name=attributes.pop("name", None),
        owner=owner,
        tags=tags,
        properties=given,
        created_at=now_us,
        updated_at=now_us,
        **attributes,
    )
    return checked(image, viewer.is_admin)
