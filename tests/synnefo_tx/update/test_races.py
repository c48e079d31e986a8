"""
Several listeners at once, and news beside the answers to what was asked.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.rows.ending import ENDINGS
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.rows.tasks_tables import tasks
from synnefo_tx.events.rows.tables import feed
from synnefo_tx.quota.rows.resources import ensure
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.memory import hasty
from synnefo_tx.update.messages import News
from synnefo_tx.update.rows.batch import take_in
from tests.synnefo_tx.a_server import NOW_US, RESERVED, begin_server, stand, used
from tests.synnefo_tx.migrated import migrated_in_server, migrated_url
from tests.synnefo_tx.racing import at_once

SERVERS = tuple(f"v{number}" for number in range(2, 8))


def told(operation: str, status: str, server_id: str, at_s: int, effect: str) -> News:
    """News of a server's job."""
    return News(
        type="ganeti-op-status",
        event_time=(at_s, 0),
        operation=operation,
        status=status,
        cluster="cluster",
        instance=f"snf-{server_id}",
        job_id=at_s,
        effect=effect,
    )


class ListenersTests(SynchronousTestCase):
    """On SQLite; who overrides ``make_url`` has another database."""

    def make_url(self) -> str:
        return migrated_url(self)

    def setUp(self) -> None:
        self.engine: Engine = hasty(open_engine(self.make_url()))
        self.addCleanup(self.engine.dispose)
        self.run_in(ensure)
        self.run_in(stand)
        self.created = {
            server_id: self.run_in(begin_server, server_id, number)
            for number, server_id in enumerate(SERVERS, start=2)
        }

    def run_in(self, unit: Any, *args: Any) -> Any:
        with (
            self.engine.connect().execution_options(synnefo_write=True) as connection,
            connection.begin(),
        ):
            return unit(connection, *args)

    def rows(self, table: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(table)))

    def states(self) -> set[tuple[str, str | None]]:
        return {(row.vm_state, row.task_state) for row in self.rows(servers)}

    def create(self, server_id: str) -> News:
        return told("OP_INSTANCE_CREATE", "success", server_id, 5, self.created[server_id])

    def test_the_same_servers_both_ways(self) -> None:
        """Listeners whose batches tell of the same servers in other orders come to one end."""
        one = [self.create(server_id) for server_id in SERVERS]
        other = [told("OP_INSTANCE_SHUTDOWN", "success", server_id, 6, "") for server_id in SERVERS]
        got = at_once(
            *(
                lambda batch=batch: self.run_in(take_in, batch, NOW_US)
                for batch in (one, other[::-1], one[::-1], other)
            )
        )
        self.assertEqual(got, [None] * 4)
        self.assertEqual({state for state, _ in self.states()}, {"stopped"})

    def test_told_twice_at_once(self) -> None:
        """What two listeners are told of the same job is done once: quota, task and feed."""
        batch = [self.create(server_id) for server_id in SERVERS]
        job = lambda: self.run_in(take_in, batch, NOW_US)  # noqa: E731
        self.assertEqual(at_once(job, job), [None, None])
        self.assertEqual(self.states(), {("active", None)})
        self.assertEqual({row.state for row in self.rows(tasks)}, {"done"})
        self.assertEqual(len(self.rows(feed)), len(SERVERS))
        wanted = {name: amount * len(SERVERS) for name, amount in RESERVED.items()}
        self.assertEqual(self.run_in(used), wanted)

    def test_news_beside_the_answer(self) -> None:
        """The cluster's answer and the news of its job may come at once, in any order."""
        waiting = {row.target: row for row in self.rows(effects)}
        jobs: list[Any] = []
        for server_id in SERVERS:
            effect, news = waiting[server_id], [self.create(server_id)]
            jobs.append(lambda e=effect: self.run_in(ENDINGS.taken, e, 5, NOW_US))
            jobs.append(lambda n=news: self.run_in(take_in, n, NOW_US))
        self.assertEqual(at_once(*jobs), [None] * len(jobs))
        self.assertEqual((self.states(), self.rows(effects)), ({("active", None)}, []))


class PostgresqlListenersTests(ListenersTests):
    """The same on PostgreSQL, where rows are locked each for itself."""

    def make_url(self) -> str:
        return migrated_in_server()
