"""
A job as the remote API shows it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ganetid.jobs.model import Job, pair
from ganetid.opcodes.definition import told

BULK = ("id", "ops", "status", "summary", "opstatus", "received_ts", "start_ts", "end_ts")
FIELDS = (*BULK, "oplog", "opresult")

_encode = msgspec.json.encode


def listed(job: Job) -> dict[str, Any]:
    """The job with those of Ganeti's fields that a list has."""
    return {
        "id": job.id,
        "ops": [told(op.input) for op in job.ops],
        "status": job.status,
        "summary": [op.summary for op in job.ops],
        "opstatus": [op.status for op in job.ops],
        "received_ts": pair(job.received),
        "start_ts": pair(job.start),
        "end_ts": pair(job.end),
    }


def shown(job: Job) -> dict[str, Any]:
    """The job with Ganeti's fields."""
    return {
        **listed(job),
        "oplog": [
            [[entry.serial, pair(entry.at), entry.kind, entry.text] for entry in op.log]
            for op in job.ops
        ],
        "opresult": [op.result for op in job.ops],
    }


def every_field(job: Job) -> dict[str, Any]:
    """The job with all fields that may be asked for by name; those of no Ganeti come last."""
    return {
        **shown(job),
        "archived": job.archived,
        "opstart": [pair(op.start) for op in job.ops],
        "opexec": [pair(op.executed) for op in job.ops],
        "opend": [pair(op.end) for op in job.ops],
        "oppriority": [op.priority for op in job.ops],
        "priority": job.priority,
        "caller": job.caller,
        "effect": job.effect,
    }


def listed_json(job: Job) -> bytes:
    """`listed`, as JSON."""
    return _encode(listed(job))
