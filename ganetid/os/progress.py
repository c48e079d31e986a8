"""
How far the making of an instance is, in Synnefo's words.

Source: snf-image's and snf-cyclades-gtools' progress monitor; docs of its message types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Body = dict[str, Any]
Tell = Callable[[Body], None]

TYPES = frozenset(
    {"image-copy-progress", "image-helper", "image-info", "image-warning", "image-error"}
)
TASK_START, TASK_END = "task-start", "task-end"
MAX_DETAILS = 2000


def copied(position: int, total: int, now: float) -> Body:
    """So many bytes of an image are where they shall be."""
    percent = round(100.0 * position / total, 2) if total else 100.0
    return {
        "type": "image-copy-progress",
        "position": position,
        "total": total,
        "progress": percent,
        "timestamp": now,
    }


def task(subtype: str, name: str, now: float) -> Body:
    """A task of setting the guest up began or ended."""
    return {"type": "image-helper", "subtype": subtype, "task": name, "timestamp": now}


def info(message: str, now: float) -> Body:
    """Something worth reading."""
    return {"type": "image-info", "messages": [message], "timestamp": now}


def failed(message: str, details: str, now: float) -> Body:
    """The making failed; details: the last words of what failed."""
    body: Body = {"type": "image-error", "messages": [message], "timestamp": now}
    if details:
        body["stderr"] = details[-MAX_DETAILS:]
    return body


def of_instance(body: Mapping[str, Any], instance: str, now: float) -> Body:
    """The body as it is published, under ``ganeti.<prefix>.event.progress``."""
    seconds = int(now)
    return {
        **body,
        "event_time": [seconds, int((now - seconds) * 1_000_000)],
        "instance": instance,
    }


def said_by_script(line: str, now: float) -> Body | None:
    """The body in a line of a script that writes them as JSON, such as snf-image's; else None."""
    if not line.startswith("{"):
        return None
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or str(body.get("type")) not in TYPES:
        return None
    body.setdefault("timestamp", now)
    return body
