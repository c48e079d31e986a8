"""
The body of POST /volumes as a value.  Pure.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules.validation import is_uuid
from synnefo_tx.errors import BadRequest
from synnefo_tx.volume.errors import InvalidInput
from synnefo_tx.volume.rules import schemas
from synnefo_tx.volume.rules.types import find_type

ZONE = "nova"


@frozen(kw_only=True)
class VolumeRequest:
    """
    size in GiB; at most one of the three ids.
    """

    name: str | None
    description: str | None
    size_gib: int | None
    snapshot_id: str | None
    source_id: str | None
    image_id: str | None
    metadata: dict[str, str]


def read_request(body: object) -> VolumeRequest:
    """
    Raises BadRequest or NotFound in Cinder's words.
    """
    given: dict[str, Any] = schemas.CREATE_VOLUME.check(body)["volume"]
    image_id = given.get("imageRef") or given.get("image_id")
    if image_id is not None and not is_uuid(image_id):
        raise BadRequest("Invalid image identifier or unable to access requested image.")
    _check_place(given)
    sources = [given.get("snapshot_id"), given.get("source_volid"), image_id]
    if len([one for one in sources if one]) > 1:
        raise InvalidInput("May specify only one of snapshot, imageRef or source volume")
    return VolumeRequest(
        **names_of(given),
        size_gib=int(given["size"]) if given.get("size") is not None else None,
        snapshot_id=given.get("snapshot_id"),
        source_id=given.get("source_volid"),
        image_id=image_id,
        metadata=given.get("metadata") or {},
    )


def names_of(given: dict[str, Any]) -> dict[str, str | None]:
    """
    Name and description of a body, by either of their names; blanks around names are cut off.
    """
    name = given.get("name", given.get("display_name"))
    description = given.get("description", given.get("display_description"))
    return {"name": name.strip() if name is not None else None, "description": description}


def _check_place(given: dict[str, Any]) -> None:
    wanted = given.get("volume_type")
    if wanted:
        find_type(wanted)
    zone = given.get("availability_zone")
    if zone and zone != ZONE:
        raise InvalidInput(f"Availability zone '{zone}' is invalid.")
    if given.get("multiattach") is not None and schemas.truth(given["multiattach"]):
        raise BadRequest(
            "multiattach parameter has been removed. The default behavior is to use multiattach "
            "enabled volume types. Contact your administrator to create a multiattach enabled "
            "volume type and use it to create multiattach volumes."
        )
