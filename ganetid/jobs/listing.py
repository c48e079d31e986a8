"""
All jobs for those who read: the unfinished ones in memory, the others in the journal.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from heapq import merge
from operator import itemgetter

from ganetid.jobs.journal import Journal
from ganetid.jobs.model import Job
from ganetid.jobs.shown import listed_json
from ganetid.jobs.stored import Page

KEPT = 256  # ended jobs that somebody may still be about to look at


class JobList:
    """Reads jobs.  Lists are merged from one look at either side, and never miss a job."""

    def __init__(self, journal: Journal, pending: Mapping[int, Job]) -> None:
        self._journal = journal
        self._pending = pending
        self._recent: OrderedDict[int, Job] = OrderedDict()
        self._json: dict[int, tuple[Job, bytes]] = {}

    def ended(self, job: Job) -> None:
        """The job has ended and is durable so."""
        self._json.pop(job.id, None)
        self._recent[job.id] = job
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)

    def forget(self) -> None:
        """Ended jobs may have been archived."""
        self._recent.clear()

    async def job(self, job_id: int) -> Job | None:
        """The job as it stands, also an archived one."""
        job = self._pending.get(job_id) or self._recent.get(job_id)
        return job or await self._journal.job(job_id)

    async def jobs(self) -> list[Job]:
        """All jobs that are not archived, by id."""
        before = dict(self._pending)
        stored = {job.id: job for job in await self._journal.jobs()}
        return [self._newest(job_id, before, stored) for job_id in sorted({*before, *stored})]

    async def ids(self, page: Page) -> list[int]:
        """Ids of the jobs of a page, ascending; archived ones are in none."""
        before = self._unfinished(page)
        ended = await self._journal.finished_ids(page)
        return sorted({*before, *ended})[: page.limit]

    async def json(self, page: Page) -> list[tuple[int, bytes]]:
        """The jobs of a page, by id: the id, and as JSON how a list shows it."""
        before = self._unfinished(page)
        ended = await self._journal.finished(page)
        known = {job_id for job_id, _ in ended}
        unfinished = [
            (job_id, self._json_of(before[job_id])) for job_id in sorted(before.keys() - known)
        ]
        both: Iterable[tuple[int, bytes]] = merge(ended, unfinished, key=itemgetter(0))
        return list(both)[: page.limit]

    def _unfinished(self, page: Page) -> dict[int, Job]:
        return {
            job_id: job
            for job_id, job in self._pending.items()
            if job_id > page.after and (not page.status or job.status in page.status)
        }

    def _json_of(self, job: Job) -> bytes:
        known = self._json.get(job.id)
        if known is not None and known[0] is job:
            return known[1]
        text = listed_json(job)
        if job.id in self._pending:
            self._json[job.id] = (job, text)
        return text

    def _newest(self, job_id: int, before: Mapping[int, Job], stored: Mapping[int, Job]) -> Job:
        return self._pending.get(job_id) or self._newest_of(stored.get(job_id), before.get(job_id))

    def _newest_of(self, stored: Job | None, before: Job | None) -> Job:
        if stored is not None and (stored.is_final or before is None):
            return stored
        assert before is not None
        return before
