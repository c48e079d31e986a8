"""
Key pairs as Nova shows them.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.views.times import bare
from synnefo_tx.http.microversions import Version

Json = dict[str, Any]


def listed(row: Any, version: Version) -> Json:
    """
    In a list.
    """
    view = {"name": row.name, "public_key": row.public_key, "fingerprint": row.fingerprint}
    if version >= (2, 2):
        view["type"] = row.type
    return {"keypair": view}


def shown(row: Any, version: Version) -> Json:
    """
    On its own.  `id` is a number in Nova's database and means nothing; ours has none.
    """
    view = {
        **listed(row, version)["keypair"],
        "user_id": row.user_id,
        "created_at": bare(row.created_at),
        "deleted": False,
        "deleted_at": None,
        "id": 0,
        "updated_at": None,
    }
    return {"keypair": view}


def created(row: Any, private_key: str | None, version: Version) -> Json:
    """
    The answer to its creation; the private half is told this once.
    """
    view: Json = {} if private_key is None else {"private_key": private_key}
    view |= listed(row, version)["keypair"]
    view["user_id"] = row.user_id
    return {"keypair": view}
