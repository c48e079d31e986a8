"""
What the image service refuses, in Glance's words.
"""

from __future__ import annotations

from synnefo_tx import errors


class ImageNotFound(errors.NotFound):
    """
    No such image, or one that the caller may not see.
    """

    def __init__(self, image_id: str, text: str = "No image found with ID {}") -> None:
        super().__init__(text.format(image_id))
        self.image_id = image_id


class ImageExists(errors.Conflict):
    """
    The id that the caller chose is taken, or was.
    """

    def __init__(self, image_id: str) -> None:
        super().__init__(f"Image ID {image_id} already exists!")


class ReadOnly(errors.Forbidden):
    """
    An attribute that only the service sets.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"Attribute '{name}' is read-only.")


class Reserved(errors.Forbidden):
    """
    An attribute name that can't be a custom property.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"Attribute '{name}' is reserved.")


class NotPermitted(errors.Forbidden):
    """
    The caller sees the image and may not do this to it.
    """

    def __init__(self, action: str) -> None:
        super().__init__(f"You are not authorized to complete {action} action.")


class ProtectedImage(errors.Forbidden):
    """
    Deleting a protected image.
    """

    def __init__(self, image_id: str) -> None:
        super().__init__(f"Image {image_id} is protected and cannot be deleted.")


class WrongStatus(errors.Conflict):
    """
    The image is in a status that has no way to the one wanted.
    """

    def __init__(self, now: str, wanted: str) -> None:
        super().__init__(f"Image status transition from {now} to {wanted} is not allowed")


class TooMany(errors.TooLarge):
    """
    More tags or properties than an image may have.
    """

    def __init__(self, what: str, attempted: int, maximum: int) -> None:
        super().__init__(
            f"The limit has been exceeded on the number of allowed image {what}. "
            f"Attempted: {attempted}, Maximum: {maximum}"
        )


class MediaType(errors.UnsupportedMedia):
    """
    A request body of the wrong type; `media_type` is what came.
    """

    def __init__(self, media_type: str, detail: str) -> None:
        super().__init__(detail)
        self.media_type = media_type


class UploadOvertaken(errors.Gone):
    """
    The image was deleted, or its upload given up for dead, while its bytes arrived.
    """

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"Image {image_id} could not be found after upload. The image may have been deleted "
            "during the upload, cleaning up the chunks uploaded."
        )


class UnacceptableDisk(errors.BadRequest):
    """
    The bytes are not a disk of the format that was told, or one that we don't take.
    """


class ImageNotActive(errors.BadRequest):
    """
    A server can't boot from the image: it has no data (any more).
    """

    def __init__(self, image_id: str) -> None:
        super().__init__(f"Image {image_id} is not active.")
        self.image_id = image_id


class ImageNotBootable(errors.BadRequest):
    """
    A server can't boot from the image: its format is stored and not understood.
    """

    def __init__(self, image_id: str, disk_format: str | None) -> None:
        super().__init__(
            f"Image {image_id} is unacceptable: disk format {disk_format} can't be booted"
        )
        self.image_id = image_id
