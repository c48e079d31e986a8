"""
Units of work that go at once, in a database with identity's usual people.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from sqlalchemy import Engine
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.store.database import open_engine
from synnefo_tx.store.memory import hasty
from tests.synnefo_tx.identity.cloud import fill
from tests.synnefo_tx.migrated import migrated_url


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """What each gave or raised, in the order of their ends."""
    barrier, got = Barrier(len(jobs)), []

    def run(job: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            got.append(job())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            got.append(error)

    threads = [Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


class RaceCase(SynchronousTestCase):
    """On SQLite; who overrides ``make_url`` has another database."""

    def make_url(self) -> str:
        return migrated_url(self)

    def setUp(self) -> None:
        self.engine: Engine = hasty(open_engine(self.make_url()))
        self.addCleanup(self.engine.dispose)
        self.run_in(fill)

    def run_in(self, unit: Callable[..., Any], *args: Any) -> Any:
        with (
            self.engine.connect().execution_options(synnefo_write=True) as connection,
            connection.begin(),
        ):
            return unit(connection, *args)

    def at_once(self, *jobs: tuple[Any, ...]) -> list[Any]:
        """What each unit with its arguments gave or raised."""
        return at_once(*[lambda job=job: self.run_in(*job) for job in jobs])
