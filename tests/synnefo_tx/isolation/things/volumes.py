"""
Volumes, their snapshots, attachments and transfers, and quotas.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from synnefo_tx.volume.rows.tables import snapshots, volumes
from tests.synnefo_tx.compute.cloud import ALICE, IMAGE, Cloud, project_of

ROOT = "/volume/v3"
OWN = f"{ROOT}/<own_project>"
ACTION = f"POST {ROOT}/volumes/<volume_id>/action"
SERVER = "/compute/v2.1/servers/<server_id>"
BODIES = {
    f"PUT {ROOT}/os-quota-sets/<project_id>": {"quota_set": {"volumes": 1}},
    f"PUT {ROOT}/volumes/<volume_id>": {"volume": {"name": "stolen"}},
    f"PUT {ROOT}/snapshots/<snapshot_id>": {"snapshot": {"name": "stolen"}},
    f"PUT {ROOT}/volumes/<thing_id>/metadata": {"metadata": {"a": "b"}},
    f"PUT {ROOT}/snapshots/<thing_id>/metadata": {"metadata": {"a": "b"}},
    f"{ACTION} os-extend": {"os-extend": {"new_size": 2}},
    f"{ACTION} os-set_bootable": {"os-set_bootable": {"bootable": True}},
    f"{ACTION} os-update_readonly_flag": {"os-update_readonly_flag": {"readonly": True}},
    f"{ACTION} revert": {"revert": {"snapshot_id": IMAGE}},
    f"{ACTION} os-attach": {"os-attach": {"instance_uuid": IMAGE, "mountpoint": "/dev/vdb"}},
    f"{ACTION} os-initialize_connection": {
        "os-initialize_connection": {"connector": {"host": "h"}}
    },
    f"{ACTION} os-terminate_connection": {"os-terminate_connection": {"connector": {"host": "h"}}},
    f"{ACTION} os-set_image_metadata": {"os-set_image_metadata": {"metadata": {"a": "b"}}},
    f"{ACTION} os-unset_image_metadata": {"os-unset_image_metadata": {"key": "a"}},
}


def made(cloud: Cloud) -> dict[str, str]:
    """
    A volume with a snapshot, one that is reserved, one that is offered, and her project's path.
    """
    kept, taken, offered = (_volume(cloud) for _ in range(3))
    snapshot = _made(cloud, "snapshot", {"volume_id": kept, "metadata": {"color": "red"}})
    _all(cloud, snapshots)
    attachment = _made(cloud, "attachment", {"volume_uuid": taken, "instance_uuid": None})
    found = {
        "/volumes/<volume_id>": kept,
        "/volumes/<thing_id>": kept,
        "/volumes/<thing_id>/metadata/<key>": "color",
        "/snapshots/<snapshot_id>": snapshot,
        "/snapshots/<thing_id>": snapshot,
        "/snapshots/<thing_id>/metadata/<key>": "color",
        "/attachments/<attachment_id>": attachment,
        "/volume-transfers/<transfer_id>": _made(cloud, "transfer", {"volume_id": offered}),
        "/os-quota-sets/<project_id>": project_of(ALICE),
    }
    found["/os-volume-transfer/<transfer_id>"] = found["/volume-transfers/<transfer_id>"]
    by_nova = {
        "/compute/v2.1/os-volumes/<volume_id>": kept,
        "/compute/v2.1/os-snapshots/<snapshot_id>": snapshot,
    }
    known = {f"{root}{path}": one for root in (ROOT, OWN) for path, one in found.items()}
    return {
        OWN: project_of(ALICE),
        f"{SERVER}/os-volume_attachments/<volume_id>": taken,
        **known,
        **by_nova,
    }


def _volume(cloud: Cloud) -> str:
    volume = _made(cloud, "volume", {"size": 1, "metadata": {"color": "red"}})
    _all(cloud, volumes)
    return volume


def _made(cloud: Cloud, noun: str, body: dict[str, Any]) -> str:
    path = {"transfer": "/volume-transfers"}.get(noun, f"/{noun}s")
    newest = {"OpenStack-API-Version": "volume 3.71"}
    answer = cloud.cinder("POST", path, {noun: body}, headers=newest)
    return str(answer.json[noun]["id"])


def _all(cloud: Cloud, table: Any) -> None:
    with cloud.database.engine.begin() as connection:
        there = table.c.status == "creating"
        connection.execute(update(table).where(there).values(status="available"))
