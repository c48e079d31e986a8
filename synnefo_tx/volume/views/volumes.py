"""
Volumes as Cinder shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from synnefo_tx.http.microversions import Version
from synnefo_tx.volume.rules.create_request import ZONE
from synnefo_tx.volume.rules.types import DEFAULT
from synnefo_tx.volume.views.times import changed, moment

Json = dict[str, Any]
HOST = "archipelago@archipelago#archipelago"
SERVICE = "b7bd3b8a-6d61-4f4b-b1f3-30a8a1f6d5a0"  # whatever volume it is: there is one storage


@frozen
class Look:
    """
    base: the service's URL.  project_id: the caller's.
    """

    base: str
    project_id: str
    version: Version
    is_admin: bool


def link(look: Look, collection: str, thing_id: str) -> list[Json]:
    """
    The usual two links to one thing.
    """
    path = f"{look.project_id}/{collection}/{thing_id}"
    return [
        {"rel": "self", "href": f"{look.base}/v3/{path}"},
        {"rel": "bookmark", "href": f"{look.base}/{path}"},
    ]


def summary(row: Any, look: Look) -> Json:
    """
    As in a list that is not in detail.
    """
    return {"id": row.id, "name": row.name, "links": link(look, "volumes", row.id)}


def full(row: Any, attached: Sequence[Any], look: Look) -> Json:
    """
    attached: its attachments.
    """
    view = changed_view(row, attached, look)
    view["os-vol-tenant-attr:tenant_id"] = row.project_id
    if row.image_metadata:
        view["volume_image_metadata"] = row.image_metadata
    if look.is_admin:
        view |= {
            "os-vol-host-attr:host": HOST,
            "os-vol-mig-status-attr:migstat": None,
            "os-vol-mig-status-attr:name_id": None,
            "migration_status": None,
        }
    return view


def changed_view(row: Any, attached: Sequence[Any], look: Look) -> Json:
    """
    As answered to whoever changes one.
    """
    view = created(row, look)
    view["attachments"] = [_attachment(one, look) for one in attached if one.status == "attached"]
    if row.read_only is not None:
        view["metadata"] = {**view["metadata"], "readonly": str(row.read_only)}
    return view


def created(row: Any, look: Look) -> Json:
    """
    As answered to whoever makes one.
    """
    view: Json = {
        "id": row.id,
        "status": row.status,
        "size": row.size_gib,
        "availability_zone": ZONE,
        "created_at": moment(row.created_at),
        "updated_at": changed(row.created_at, row.updated_at),
        "name": row.name,
        "description": row.description,
        "volume_type": DEFAULT.name,
        "snapshot_id": row.snapshot_id,
        "source_volid": row.source_volume_id,
        "metadata": row.metadata,
        "links": link(look, "volumes", row.id),
        "user_id": row.user_id,
        "bootable": str(row.bootable).lower(),
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": False,
        "attachments": [],
    }
    return view | _since(look)


def _since(look: Look) -> Json:
    view: Json = {}
    if look.version >= (3, 13):
        view["group_id"] = None
    if look.version >= (3, 21) and look.is_admin:
        view["provider_id"] = None
    if look.version >= (3, 48):
        view |= {"shared_targets": False, "service_uuid": SERVICE}
    if look.version >= (3, 61) and look.is_admin:
        view["cluster_name"] = None
    if look.version >= (3, 63):
        view["volume_type_id"] = DEFAULT.id
    if look.version >= (3, 65):
        view["consumes_quota"] = True
    return view


def _attachment(row: Any, look: Look) -> Json:
    return {
        "id": row.volume_id,
        "attachment_id": row.id,
        "volume_id": row.volume_id,
        "server_id": row.server_id,
        "host_name": row.host_name if look.is_admin or not row.is_plugged else None,
        "device": row.mountpoint,
        "attached_at": moment(row.attached_at) if row.attached_at is not None else None,
    }
