"""
Quota: nobody takes what is not there, not even two at once.
"""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.rows.holdings import DEFAULT_LIMITS, Exceeded, Holding, give_back, held, take
from synnefo_tx.quota.rows.tables import holdings
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.memory import immediate_database


def limit(connection: Connection, project_id: str, resource: str, value: int) -> None:
    connection.execute(
        update(holdings)
        .where(holdings.c.project_id == project_id, holdings.c.resource == resource)
        .values(limit=value)
    )


class HoldingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.database = immediate_database(self.path)
        self.addCleanup(self.database.engine.dispose)

    def write(self, unit: Any, *args: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *args)))

    def refused(self, amounts: dict[str, int]) -> Exceeded:
        failed = Deferred.fromCoroutine(self.database.write(take, "p", amounts))
        error = self.failureResultOf(failed, Exceeded).value
        assert isinstance(error, Exceeded)
        return error

    def test_a_fresh_project_has_the_defaults_and_uses_nothing(self) -> None:
        self.assertEqual(
            self.write(held, "p"),
            {name: Holding(value, 0) for name, value in DEFAULT_LIMITS.items()},
        )

    def test_what_is_taken_is_used_and_what_is_returned_is_free(self) -> None:
        self.write(take, "p", {"cores": 3, "ram": 512})
        self.write(take, "p", {"cores": 2})
        self.assertEqual(self.write(held, "p")["cores"].used, 5)
        self.write(give_back, "p", {"cores": 3, "ram": 512})
        self.assertEqual(self.write(held, "p")["cores"].used, 2)
        self.assertEqual(self.write(held, "p")["ram"].used, 0)

    def test_projects_do_not_share(self) -> None:
        self.write(take, "p", {"cores": DEFAULT_LIMITS["cores"]})
        self.write(take, "q", {"cores": DEFAULT_LIMITS["cores"]})
        self.assertEqual(self.write(held, "q")["cores"].used, DEFAULT_LIMITS["cores"])

    def test_the_last_unit_can_be_taken_and_not_one_more(self) -> None:
        self.write(take, "p", {"cores": DEFAULT_LIMITS["cores"] - 1})
        self.write(take, "p", {"cores": 1})
        error = self.refused({"cores": 1})
        self.assertEqual(
            str(error),
            "Quota exceeded for cores: Requested 1, but already used 40 of 40 cores",
        )

    def test_a_refusal_takes_nothing_of_the_others(self) -> None:
        self.refused({"cores": 1, "ram": DEFAULT_LIMITS["ram"] + 1})
        self.assertEqual(self.write(held, "p")["cores"].used, 0)

    def test_minus_one_is_no_limit(self) -> None:
        self.write(take, "p", {"cores": 1})
        self.write(limit, "p", "cores", -1)
        self.write(take, "p", {"cores": 1_000_000})
        self.assertEqual(self.write(held, "p")["cores"].used, 1_000_001)

    def test_a_lowered_limit_lets_nothing_more_be_taken(self) -> None:
        self.write(take, "p", {"cores": 10})
        self.write(limit, "p", "cores", 5)
        self.refused({"cores": 1})
        self.write(give_back, "p", {"cores": 6})
        self.write(take, "p", {"cores": 1})

    def test_an_unknown_resource_is_a_defect(self) -> None:
        failed = Deferred.fromCoroutine(self.database.write(take, "p", {"unicorns": 1}))
        self.failureResultOf(failed, KeyError)

    def test_two_takers_of_the_last_unit_in_real_threads(self) -> None:
        """
        Sixteen threads want one of the four that are left: four get it.
        """
        self.write(take, "p", {"cores": DEFAULT_LIMITS["cores"] - 4})
        self.assertEqual(sorted(self.race(16)), [False] * 12 + [True] * 4)
        self.assertEqual(self.write(held, "p")["cores"].used, DEFAULT_LIMITS["cores"])

    def test_first_takers_of_a_project_in_real_threads(self) -> None:
        """
        Nobody fails because another made the project's row first.
        """
        self.assertEqual(self.race(12), [True] * 12)
        self.assertEqual(self.write(held, "p")["cores"].used, 12)

    def race(self, count: int) -> list[bool]:
        """
        Whether each of `count` threads, started together, got one core.
        """
        engine = open_engine(f"sqlite:///{self.path}")
        together = threading.Barrier(count)
        got: list[bool] = []
        failures: list[BaseException] = []

        def want() -> None:
            together.wait()
            try:
                with engine.connect() as connection:
                    connection = connection.execution_options(synnefo_write=True)
                    with connection.begin():
                        take(connection, "p", {"cores": 1})
                got.append(True)
            except Exceeded:
                got.append(False)
            except BaseException as error:  # noqa: BLE001 - told by the main thread
                failures.append(error)

        threads = [threading.Thread(target=want) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        engine.dispose()
        self.assertEqual(failures, [])
        return got

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(["take", "give"]), st.integers(0, 30)), max_size=12))
    def test_use_is_always_the_sum_of_what_was_granted(self, steps: list[tuple[str, int]]) -> None:
        """
        And never more than the limit.
        """
        project = uuid.uuid4().hex
        used = self.write(held, project)["cores"].used
        for step, amount in steps:
            if step == "give":
                amount = min(amount, used)
                self.write(give_back, project, {"cores": amount})
                used -= amount
                continue
            taken: list[Any] = []
            unit = Deferred.fromCoroutine(self.database.write(take, project, {"cores": amount}))
            unit.addBoth(taken.append)
            self.assertEqual(taken[0] is None, used + amount <= DEFAULT_LIMITS["cores"])
            used += amount if taken[0] is None else 0
        self.assertEqual(self.write(held, project)["cores"].used, used)
