"""
What a volume keeps of the image that it was made of.  Pure.
"""

from __future__ import annotations

from synnefo_tx.image.model import Image


def copied(image: Image) -> dict[str, str]:
    """
    Cinder's volume_image_metadata: all values are text.
    """
    kept = {
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "image_id": image.id,
        "image_name": image.name,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "size": image.size,
        "checksum": image.checksum,
    }
    known = {name: str(value) for name, value in kept.items() if value is not None}
    return dict(image.properties) | known
