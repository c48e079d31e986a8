"""
How tasks go on and end: by the answer to a step's wish, and by the news of its job.

A task ends by its own job alone; what an administrator does to the same server changes facts, and
ends nothing.  A step that failed has the ones before it taken back before the task ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection

from synnefo_tx.effect.kinds import KINDS
from synnefo_tx.effect.rows import outbox, tasks
from synnefo_tx.effect.tasks import Ended, Kind
from synnefo_tx.update.messages import FINAL, News, error_code, why_failed


@frozen
class Endings:
    """
    What follows of tasks of these kinds.
    """

    _kinds: Mapping[str, Kind]

    def taken(self, connection: Connection, effect: Any, job_id: int, now_us: int) -> None:
        """
        The cluster has stored a task's step as job `job_id`.
        """
        outbox.forget(connection, effect.id)
        task = tasks.find(connection, effect.task_id, effect.id)
        if task is None:
            return  # the news were quicker than the answer
        tasks.sent(connection, task.id, job_id)
        on_sent = self._kinds[task.kind].on_sent
        if task.state == tasks.GOING and on_sent is not None:
            on_sent(connection, Ended(task=task, now_us=now_us))

    def refused(self, connection: Connection, effect: Any, message: str, now_us: int) -> None:
        """
        It will not be done.  Nothing, if another sender settled it before.
        """
        if not outbox.forget(connection, effect.id):
            return
        task = tasks.find(connection, effect.task_id, effect.id)
        if task is not None:
            self._failed(connection, Ended(task=task, now_us=now_us, message=message))

    def told(
        self,
        connection: Connection,
        batch: Iterable[News],
        cluster_ids: Mapping[str, str],
        now_us: int,
    ) -> None:
        """
        News of jobs, in their order: steps of tasks have ended.
        """
        self.end(connection, awaited(connection, batch, cluster_ids), now_us)

    def end(self, connection: Connection, ends: Iterable[tuple[Any, News]], now_us: int) -> None:
        """
        These tasks' steps have ended, each as the news tell.
        """
        for task, news in ends:
            if news.status == "success" or _is_so_already(task, news):
                self._succeeded(connection, Ended(task=task, now_us=now_us, news=news))
            else:
                why = why_failed(news)
                self._failed(connection, Ended(task=task, now_us=now_us, news=news, message=why))

    def _succeeded(self, connection: Connection, ended: Ended) -> None:
        task = ended.task
        if task.state == tasks.UNDOING:
            self._take_back(connection, ended, task.message)
        elif not tasks.go_on(connection, task, ended.now_us):
            tasks.end(connection, task, None, ended.now_us)
            self._kinds[task.kind].on_success(connection, ended)

    def _failed(self, connection: Connection, ended: Ended) -> None:
        undoing = ended.task.state == tasks.UNDOING
        self._take_back(connection, ended, ended.task.message if undoing else ended.message)

    def _take_back(self, connection: Connection, ended: Ended, message: str) -> None:
        task, now_us = ended.task, ended.now_us
        if tasks.undo(connection, task, message, now_us):
            return
        tasks.end(connection, task, message, now_us)
        self._kinds[task.kind].on_failure(connection, evolve(ended, message=message))


def awaited(
    connection: Connection, batch: Iterable[News], cluster_ids: Mapping[str, str]
) -> list[tuple[Any, News]]:
    """
    The tasks whose step under way these news end, with them; nobody else changes the tasks until
    our transaction ends.  cluster_ids: by clusters' names.

    A job is known by the wish that it is (`effect`), or, when its cluster does not tell that, by
    its number.  Whoever changes a server as well takes its task first: so nobody waits in a circle.
    """
    ends = [news for news in batch if news.job_id and _is_end(news)]
    jobs = {_job(news, cluster_ids) for news in ends if not news.effect}
    found = tasks.of_jobs(connection, {news.effect for news in ends if news.effect}, jobs)
    by_effect = {task.effect_id: task for task in found}
    by_job = {(task.cluster_id, task.job_id): task.effect_id for task in found}
    pairs = []
    for news in ends:
        effect_id = news.effect or by_job.get(_job(news, cluster_ids))
        task = by_effect.pop(effect_id, None)
        if task is not None:  # else it is nobody's, or told again
            pairs.append((task, news))
    return pairs


def _is_end(news: News) -> bool:
    """
    Whether its job is over: as soon as one opcode has failed, or when all have succeeded.
    """
    if news.status != "success":
        return news.status in FINAL
    return news.job_status in ("", "success")


def _is_so_already(task: Any, news: News) -> bool:
    return error_code(news.result) in task.steps[task.step]["despite"]


def _job(news: News, cluster_ids: Mapping[str, str]) -> tuple[str | None, int]:
    return cluster_ids.get(news.cluster), news.job_id


ENDINGS = Endings(KINDS)
