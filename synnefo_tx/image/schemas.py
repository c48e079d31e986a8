"""
Glance's JSON schemas of an image and of a member, which clients read and bodies are checked by.
"""

from __future__ import annotations

from typing import Any

from jsonschema.exceptions import ValidationError

from synnefo_tx.http.bodies import Body, in_full

Schema = dict[str, Any]

CONTAINER_FORMATS = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
DISK_FORMATS = [
    *("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop", "gpt"),
]
VISIBILITIES = ["community", "public", "private", "shared"]
STATUSES = [
    *("queued", "saving", "active", "killed", "deleted", "uploading", "importing"),
    *("pending_delete", "deactivated"),
]
UUID_PATTERN = (
    "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
)


def _said(kind: str | list[str], description: str, **more: Any) -> Schema:
    return {"type": kind, "description": description, **more}


def _set_by_us(kind: str | list[str], description: str, **more: Any) -> Schema:
    return {"type": kind, "readOnly": True, "description": description, **more}


IMAGE_PROPERTIES: Schema = {
    "id": _said("string", "An identifier for the image", pattern=UUID_PATTERN),
    "name": _said(["null", "string"], "Descriptive name for the image", maxLength=255),
    "status": _set_by_us("string", "Status of the image", enum=STATUSES),
    "visibility": _said("string", "Scope of image accessibility", enum=VISIBILITIES),
    "protected": _said("boolean", "If true, image will not be deletable."),
    "os_hidden": _said("boolean", "If true, image will not appear in default image list response."),
    "checksum": _set_by_us(["null", "string"], "md5 hash of image contents.", maxLength=32),
    "os_hash_algo": _set_by_us(
        ["null", "string"], "Algorithm to calculate the os_hash_value", maxLength=64
    ),
    "os_hash_value": _set_by_us(
        ["null", "string"],
        "Hexdigest of the image contents using the algorithm specified by the os_hash_algo",
        maxLength=128,
    ),
    "owner": _said(["null", "string"], "Owner of the image", maxLength=255),
    "size": _set_by_us(["null", "integer"], "Size of image file in bytes"),
    "virtual_size": _set_by_us(["null", "integer"], "Virtual size of image in bytes"),
    "container_format": _said(
        ["null", "string"], "Format of the container", enum=[None, *CONTAINER_FORMATS]
    ),
    "disk_format": _said(["null", "string"], "Format of the disk", enum=[None, *DISK_FORMATS]),
    "created_at": _set_by_us("string", "Date and time of image registration"),
    "updated_at": _set_by_us("string", "Date and time of the last image modification"),
    "tags": _said(
        "array",
        "List of strings related to the image",
        items={"type": "string", "maxLength": 255},
    ),
    "direct_url": _set_by_us("string", "URL to access the image file kept in external store"),
    "min_ram": _said("integer", "Amount of ram (in MB) required to boot image."),
    "min_disk": _said("integer", "Amount of disk space (in GB) required to boot image."),
    "self": _set_by_us("string", "An image self url"),
    "file": _set_by_us("string", "An image file url"),
    "stores": _set_by_us(
        "string",
        "Store in which image data resides.  Only present when the operator has enabled multiple "
        "stores.  May be a comma-separated list of store identifiers.",
    ),
    "schema": _set_by_us("string", "An image schema url"),
    "locations": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "url": {"type": "string", "maxLength": 255},
                "metadata": {"type": "object"},
            },
            "required": ["url", "metadata"],
        },
        "description": "A set of URLs to access the image file kept in external store",
    },
}
IMAGE: Schema = {
    "name": "image",
    "properties": IMAGE_PROPERTIES,
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}
MEMBER: Schema = {
    "name": "member",
    "properties": {
        "member_id": _said("string", "An identifier for the image member (tenantId)"),
        "image_id": _said("string", "An identifier for the image", pattern=UUID_PATTERN),
        "created_at": _said("string", "Date and time of image member creation"),
        "updated_at": _said("string", "Date and time of last modification of image member"),
        "status": _said(
            "string",
            "The status of this image member",
            enum=["pending", "accepted", "rejected"],
        ),
        "schema": {"readOnly": True, "type": "string"},
    },
}


def _collection(name: str, item: Schema, paged: bool) -> Schema:
    pages = ("first", "next") if paged else ()
    return {
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            **{page: {"type": "string"} for page in pages},
            "schema": {"type": "string"},
        },
        "links": [
            *({"rel": page, "href": f"{{{page}}}"} for page in pages),
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


DOCUMENTS: dict[str, Schema] = {
    "image": IMAGE,
    "images": _collection("images", IMAGE, paged=True),
    "member": MEMBER,
    "members": _collection("members", MEMBER, paged=False),
}


def glance_wording(error: ValidationError) -> str:
    """
    "Provided object does not match schema 'image': ..." with the library's own long text.
    """
    return f"Provided object does not match schema 'image': {in_full(error)}"


image_body = Body(IMAGE, glance_wording)
