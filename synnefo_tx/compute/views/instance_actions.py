"""
What was done to servers, as Nova shows it per microversion.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.compute.views.servers import hash_of_host
from synnefo_tx.compute.views.times import bare
from synnefo_tx.http.microversions import Version

Json = dict[str, Any]


def listed(action: Any, version: Version) -> Json:
    """
    In a list.
    """
    view = {
        "action": action.action,
        "instance_uuid": action.server_id,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": bare(action.started_at),
        "message": action.message,
    }
    if version >= (2, 58):
        view["updated_at"] = bare(action.updated_at)
    return view


def shown(action: Any, events: Sequence[Any], version: Version, for_admin: bool) -> Json:
    """
    On its own, with its events as far as the caller may see them.
    """
    view = listed(action, version)
    if for_admin or version >= (2, 51):
        project_id = action.project_id
        view["events"] = [_event(event, project_id, version, for_admin) for event in events]
    return view


def _event(event: Any, project_id: str, version: Version, for_admin: bool) -> Json:
    view: Json = {
        "event": event.event,
        "start_time": bare(event.started_at),
        "finish_time": bare(event.finished_at),
        "result": event.result,
    }
    if for_admin:
        view["traceback"] = None  # nothing of our insides is kept
    if version >= (2, 62):
        if for_admin:
            view["host"] = event.host or ""
        view["hostId"] = hash_of_host(event.host, project_id)
    if version >= (2, 84) and for_admin:
        view["details"] = event.details
    return view
