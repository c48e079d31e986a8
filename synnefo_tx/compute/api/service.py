"""
What the handlers of the compute API share.
"""

from __future__ import annotations

from synnefo_tx.compute.views.servers import Look
from synnefo_tx.errors import NotFound, UnsupportedMedia
from synnefo_tx.http.call import Call

ROOT = "/v2.1"
MINIMUM, MAXIMUM = (2, 1), (2, 96)  # microversions
# Of a body; text/plain is what some servers in front of Nova make of none.
MEDIA_TYPES = ("", "text/plain", "application/json", "application/vnd.openstack.compute+json")


def look_of(call: Call) -> Look:
    """
    How to show servers to this caller.
    """
    return Look(call.base, call.version, call.token.is_admin)


def body_of(call: Call) -> object:
    """
    The body decoded; None when it is empty.  Raises BadRequest or UnsupportedMedia.
    """
    media = call.header("content-type").partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        raise UnsupportedMedia("Unsupported Content-Type")
    return call.json() if call.raw_body() else None


def need_version(call: Call, minimum: tuple[int, int]) -> None:
    """
    Raises NotFound for a resource that the microversion asked for does not have.
    """
    if call.version < minimum:
        raise NotFound("The resource could not be found.")
