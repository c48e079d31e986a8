"""
The metadata of images, as compute's users change it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows.quotas import check_metadata
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import images

Change = Callable[[Mapping[str, str]], dict[str, str]]


def viewer_of(ask: Ask) -> Viewer:
    """
    The caller, as the image service knows it.
    """
    return Viewer(ask.caller.project_id, ask.caller.is_admin)


def change(connection: Connection, ask: Ask, image_id: str, made: Change) -> Image:
    """
    The image with its metadata as `made` makes it.  Raises ImageNotFound, NotPermitted, OverQuota,
    and what `made` does.
    """
    image = images.get_to_change(connection, image_id, viewer_of(ask), "modify_image")
    properties = made(image.properties)
    check_metadata(connection, ask.caller.project_id, len(properties))
    changed = evolve(image, properties=properties, updated_at=ask.now_us)
    images.save(connection, changed)
    return changed


def remove(connection: Connection, ask: Ask, image_id: str) -> None:
    """
    Raises ImageNotFound, NotPermitted and ProtectedImage.
    """
    images.remove(connection, image_id, viewer_of(ask), ask.now_us)
