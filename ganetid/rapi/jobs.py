"""
/2/jobs and what is below it.

Beside Ganeti's: ``limit``, ``after``, ``status`` and ``fields`` on the list (the header
x-next-after says where the next page begins, when there may be one), ``fields`` on a job,
``running=1`` to stop a running job where it can be stopped, a job's priority, archiving.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from ganetid.jobs.limits import NoSuchJob
from ganetid.jobs.model import STATUSES, Job
from ganetid.jobs.shown import FIELDS, every_field, shown
from ganetid.jobs.stored import Page
from ganetid.rapi.answers import Encoded
from ganetid.rapi.answers import Page as Answer
from ganetid.rapi.api import OPEN, WRITERS, Api, Verb, reads
from ganetid.rapi.arguments import Call, checked_type
from ganetid.rapi.faults import Fault
from ganetid.rapi.kept import joined

WAIT_S = 10.0  # Ganeti's _WFJC_TIMEOUT
MOST, MOST_ID = 1_000_000, 10**18  # beyond these nobody means it
LOWEST_PRIORITY, HIGHEST_PRIORITY = 19, -20

_encode = msgspec.json.encode


async def _list(api: Api, call: Call) -> Any:
    page = _page(call)
    if call.flag("bulk") and call.word("fields") is None:
        jobs = await api.queue.list.json(page)
        body = Encoded(joined(text for _, text in jobs))
        return Answer(body, _next(page, [job_id for job_id, _ in jobs[-1:]], len(jobs)))
    ids = await api.queue.list.ids(page)
    after = _next(page, ids, len(ids))
    if call.word("fields") is not None:
        return Answer(await _list_of_fields(api, call, ids), after)
    return Answer([{"id": job_id, "uri": f"/2/jobs/{job_id}"} for job_id in ids], after)


def _next(page: Page, ids: list[int], count: int) -> str | None:
    """Where the page after this one begins, if there may be one."""
    return str(ids[-1]) if page.limit is not None and count == page.limit else None


def _page(call: Call) -> Page:
    statuses = tuple(each for word in call.words("status") for each in word.split(","))
    unknown = sorted(set(statuses) - STATUSES)
    if unknown:
        raise Fault(400, f"There is no job status '{unknown[0]}'")
    limit = call.number("limit") if "limit" in call.query else None
    if limit is not None and not 0 < limit <= MOST:
        raise Fault(400, "Invalid value for the 'limit' parameter")
    return Page(max(0, min(call.number("after"), MOST_ID)), limit, statuses)


async def _list_of_fields(api: Api, call: Call, ids: list[int]) -> list[dict[str, Any]]:
    fields = _fields(call)
    answers = []
    for job_id in ids:
        job = await api.queue.job(job_id)
        if job is not None:
            answers.append(_picked(job, fields))
    return answers


def _fields(call: Call) -> list[str]:
    return [name.strip() for name in (call.word("fields") or "").split(",")]


def _picked(job: Job, fields: list[str]) -> dict[str, Any]:
    facts = every_field(job)
    return {name: facts.get(name) for name in fields}


async def _found(api: Api, call: Call) -> Job:
    job = await api.queue.job(int(call.items[0]))
    if job is None:
        raise Fault(404)
    return job


async def _show(api: Api, call: Call) -> Any:
    try:
        job = await _found(api, call)
    except Fault:
        if not api.strict:
            raise
        return {**dict.fromkeys(FIELDS), "id": int(call.items[0])}
    if call.word("fields") is not None:
        return _picked(job, _fields(call))
    return Encoded(_encode(shown(job)))


async def _cancel(api: Api, call: Call) -> Any:
    return list(await api.queue.cancel(int(call.items[0]), running=call.flag("running")))


async def _wait(api: Api, call: Call) -> Any:
    """Ganeti's WaitForJobChange: at once when there is news, else within 10 s, or null."""
    fields, previous, serial = _wait_arguments(call)
    if api.strict and await api.queue.job(int(call.items[0])) is None:
        raise Fault(500, "Can't load job file")
    deadline = time.monotonic() + WAIT_S
    while True:
        job = await _found(api, call)
        facts = every_field(job)
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


async def _move(api: Api, call: Call) -> Any:
    """Another priority for a job that has not begun; answers as Ganeti's ChangeJobPriority."""
    priority = call.body
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise Fault(400, "The body must be a number, the job's new priority")
    if not HIGHEST_PRIORITY <= priority <= LOWEST_PRIORITY:
        raise Fault(400, f"A priority is from {HIGHEST_PRIORITY} to {LOWEST_PRIORITY}")
    job_id = int(call.items[0])
    try:
        await api.queue.move(job_id, priority)
    except NoSuchJob:
        return [False, f"Job {job_id} is not waiting"]
    text = f"Priorities of pending opcodes for job {job_id} have been changed to {priority}"
    return [True, text]


async def _archive(api: Api, call: Call) -> Any:
    return await api.queue.archive_one(int(call.items[0]))


async def _archive_old(api: Api, call: Call) -> Any:
    """Archive all jobs that ended so many seconds ago; how many."""
    age = call.body.get("age") if isinstance(call.body, dict) else None
    if isinstance(age, bool) or not isinstance(age, (int, float)) or age < 0:
        raise Fault(400, "The 'age' parameter must be a number of seconds")
    return await api.queue.archive(int((time.time() - age) * 1_000_000))


def _is_drained(api: Api, call: Call) -> Any:
    return api.queue.is_drained


async def _drain(api: Api, call: Call) -> Any:
    """Whether the queue takes no new jobs, as Ganeti's SetDrainFlag."""
    await api.queue.drain(checked_type(call.body, bool, "Body contents"))
    return api.queue.is_drained


JOB = "/2/jobs/{id}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/jobs": {"GET": Verb(_list, OPEN)},
    "/2/jobs/drained": {"GET": reads(_is_drained), "PUT": Verb(_drain, WRITERS)},
    "/2/jobs/archive": {"PUT": Verb(_archive_old, WRITERS)},
    JOB: {"GET": Verb(_show, OPEN), "DELETE": Verb(_cancel, WRITERS)},
    f"{JOB}/wait": {"GET": Verb(_wait, WRITERS)},
    f"{JOB}/priority": {"PUT": Verb(_move, WRITERS)},
    f"{JOB}/archive": {"PUT": Verb(_archive, WRITERS)},
}
