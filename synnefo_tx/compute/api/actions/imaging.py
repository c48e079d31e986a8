"""
Images of servers' disks.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, always
from synnefo_tx.compute.rows import imaging
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.reply import Reply, empty_reply, json_reply

_IMAGE = NovaSchema(p.envelope("createImage", {"name": p.NAME, "metadata": p.METADATA}, ("name",)))
_BACKUP = NovaSchema(
    p.envelope(
        "createBackup",
        {
            "name": p.NAME,
            "backup_type": {"type": "string"},
            "rotation": p.NON_NEGATIVE,
            "metadata": p.METADATA,
        },
        ("name", "backup_type", "rotation"),
    )
)


async def _create_image(asked: Asked) -> Reply:
    wanted = asked.value
    image_id = await asked.wish(
        imaging.create_image, wanted["name"].strip(), wanted.get("metadata", {})
    )
    return _told(asked, image_id)


async def _create_backup(asked: Asked) -> Reply:
    wanted = asked.value
    image_id = await asked.wish(
        imaging.create_backup,
        wanted["name"].strip(),
        wanted["backup_type"],
        int(wanted["rotation"]),
        wanted.get("metadata", {}),
    )
    return _told(asked, image_id)


def _told(asked: Asked, image_id: str) -> Reply:
    """
    In the body from 2.45 on, before that as a place in the image service.
    """
    if asked.call.version >= (2, 45):
        return json_reply({"image_id": image_id}, 202)
    root = asked.call.base.removesuffix("/compute")
    return empty_reply(202, ("Location", f"{root}/image/v2/images/{image_id}"))


ACTIONS = {
    "createImage": ActionOf(
        policy="servers:create_image",
        schema=always(_IMAGE),
        answer=_create_image,
        example={"name": "n"},
    ),
    "createBackup": ActionOf(
        policy="os-create-backup",
        schema=always(_BACKUP),
        answer=_create_backup,
        example={"name": "n", "backup_type": "daily", "rotation": 1},
    ),
}
