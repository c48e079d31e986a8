"""
/2/jobs and what is below it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ganetid.jobs.model import Job, pair, summary
from ganetid.opcodes.definition import Opcode, told
from ganetid.rapi.api import OPEN, WRITERS, Api, Verb
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault

WAIT_S = 10.0  # Ganeti's _WFJC_TIMEOUT
BULK = ("id", "ops", "status", "summary", "opstatus", "received_ts", "start_ts", "end_ts")


def shown(job: Job, opcodes: Mapping[str, Opcode]) -> dict[str, Any]:
    """The job with all of Ganeti's fields."""
    return {
        "id": job.id,
        "ops": [told(op.input) for op in job.ops],
        "status": job.status,
        "summary": [summary(op.input, _described_by(op.op_id, opcodes)) for op in job.ops],
        "opstatus": [op.status for op in job.ops],
        "received_ts": pair(job.received),
        "start_ts": pair(job.start),
        "end_ts": pair(job.end),
        "oplog": [
            [[entry.serial, pair(entry.at), "message", entry.text] for entry in op.log]
            for op in job.ops
        ],
        "opresult": [op.result for op in job.ops],
        "opstart": [pair(op.start) for op in job.ops],
        "opexec": [pair(op.executed) for op in job.ops],
        "opend": [pair(op.end) for op in job.ops],
        "priority": job.priority,
    }


SHOWN = (*BULK, "oplog", "opresult")


def _described_by(op_id: str, opcodes: Mapping[str, Opcode]) -> str | None:
    opcode = opcodes.get(op_id)
    return None if opcode is None else opcode.described_by


async def _list(api: Api, call: Call) -> Any:
    if not call.flag("bulk"):
        return [{"id": job_id, "uri": f"/2/jobs/{job_id}"} for job_id in await api.queue.job_ids()]
    jobs = [shown(job, api.opcodes) for job in await api.queue.jobs()]
    return [{field: job[field] for field in BULK} for job in jobs]


async def _found(api: Api, call: Call) -> Job:
    job = await api.queue.job(int(call.items[0]))
    if job is None:
        raise Fault(404)
    return job


async def _show(api: Api, call: Call) -> Any:
    job = shown(await _found(api, call), api.opcodes)
    return {field: job[field] for field in SHOWN}


async def _cancel(api: Api, call: Call) -> Any:
    return list(await api.queue.cancel(int(call.items[0])))


async def _wait(api: Api, call: Call) -> Any:
    """Ganeti's WaitForJobChange: at once when there is news, else within 10 s, or null."""
    fields, previous, serial = _wait_arguments(call)
    deadline = time.monotonic() + WAIT_S
    while True:
        job = await _found(api, call)
        facts = shown(job, api.opcodes)
        info = [facts.get(field) for field in fields]
        entries = [
            entry for log in facts["oplog"] for entry in log if serial is None or entry[0] > serial
        ]
        if job.is_final or info != previous or entries:
            return {"job_info": info, "log_entries": entries}
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not await api.queue.changed(job.id, left_s):
            if left_s > 0 and (await _found(api, call)).is_final:
                continue
            return None


def _wait_arguments(call: Call) -> tuple[list[str], list[Any] | None, int | None]:
    body = call.body
    if not isinstance(body, dict) or "fields" not in body:
        raise Fault(400, "Required parameter 'fields' is missing")
    fields, previous = body["fields"], body.get("previous_job_info")
    serial = body.get("previous_log_serial")
    if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
        raise Fault(400, "The 'fields' parameter should be a list")
    if previous is not None and not isinstance(previous, list):
        raise Fault(400, "The 'previous_job_info' parameter should be a list")
    if serial is not None and not isinstance(serial, int):
        raise Fault(400, "The 'previous_log_serial' parameter should be a number")
    return fields, previous, serial


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/jobs": {"GET": Verb(_list, OPEN)},
    "/2/jobs/{id}": {"GET": Verb(_show, OPEN), "DELETE": Verb(_cancel, WRITERS)},
    "/2/jobs/{id}/wait": {"GET": Verb(_wait, WRITERS)},
}
