"""
What every handler of the image service works with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from attrs import frozen
from sqlalchemy import Connection

from synnefo_tx.audit.writing import Told, write
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.router import Router
from synnefo_tx.image.model import Viewer
from synnefo_tx.image.uploads import Uploads
from synnefo_tx.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")


@frozen(eq=False)
class ImageService:
    """
    The router and what stands behind it.
    """

    router: Router
    cloud: Cloud
    uploads: Uploads

    @property
    def database(self) -> Database:
        """
        The cloud's.
        """
        return self.cloud.database

    def now_us(self) -> int:
        """
        Microseconds since the epoch.
        """
        return self.cloud.now_us()

    async def write(
        self,
        call: Call,
        told: Told,
        unit: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """
        The unit's value, once it and its line in the audit log are committed.
        """
        return await write(self.cloud, call, told, unit, *args, **kwargs)


def told(policy: str, image_id: str, **details: object) -> Told:
    """
    A change of the image by what `policy` allows.
    """
    return Told(policy, "image", image_id, details)


def viewer_of(call: Call) -> Viewer:
    """
    Who calls.
    """
    return Viewer(call.token.project_id, call.token.is_admin)


def body_of(call: Call) -> object:
    """
    The JSON body, an object or a list.  Raises BadRequest.
    """
    raw = call.raw_body()
    if not raw:
        raise BadRequest("Body expected in request.")
    if b"\\u0000" in raw:  # PostgreSQL's texts can't hold it
        raise BadRequest("A body can't hold a NUL character")
    body = call.json("Malformed JSON in request body.")
    if not isinstance(body, dict | list):
        raise BadRequest("Unexpected body type. Expected list/dict.")
    return body
