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
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Holding, Payer
from synnefo_tx.quota.registered import REGISTERED, TOTAL_CPU, TOTAL_RAM
from synnefo_tx.quota.rows.holdings import give_back, held, held_by, take
from synnefo_tx.quota.rows.limits import set_limits, set_member_limits, set_project_limits
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.memory import immediate_database

DEFAULT_LIMITS = {one.name: one.project_default for one in REGISTERED}
ANN, BEN, ELSEWHERE = Payer("ann", "p"), Payer("ben", "p"), Payer("ann", "q")


class HoldingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.database = immediate_database(self.path)
        self.addCleanup(self.database.engine.dispose)

    def write(self, unit: Any, *args: Any, **more: Any) -> Any:
        waiting = Deferred.fromCoroutine(self.database.write(unit, *args, **more))
        return self.successResultOf(waiting)

    def refused(self, amounts: dict[str, int], payer: Payer = ANN) -> Exceeded:
        failed = Deferred.fromCoroutine(self.database.write(take, payer, amounts))
        error = self.failureResultOf(failed, Exceeded).value
        assert isinstance(error, Exceeded)
        return error

    def test_a_fresh_project_has_the_defaults_and_uses_nothing(self) -> None:
        self.assertEqual(
            self.write(held, "p"),
            {name: Holding(value, 0) for name, value in DEFAULT_LIMITS.items()},
        )

    def test_what_is_taken_is_used_and_what_is_returned_is_free(self) -> None:
        self.write(take, ANN, {TOTAL_CPU: 3, TOTAL_RAM: 512})
        self.write(take, ANN, {TOTAL_CPU: 2})
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 5)
        self.write(give_back, ANN, {TOTAL_CPU: 3, TOTAL_RAM: 512})
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 2)
        self.assertEqual(self.write(held, "p")[TOTAL_RAM].used, 0)

    def test_projects_do_not_share(self) -> None:
        self.write(take, ANN, {TOTAL_CPU: DEFAULT_LIMITS[TOTAL_CPU]})
        self.write(take, ELSEWHERE, {TOTAL_CPU: DEFAULT_LIMITS[TOTAL_CPU]})
        self.assertEqual(self.write(held, "q")[TOTAL_CPU].used, DEFAULT_LIMITS[TOTAL_CPU])

    def test_the_last_unit_can_be_taken_and_not_one_more(self) -> None:
        self.write(take, ANN, {TOTAL_CPU: DEFAULT_LIMITS[TOTAL_CPU] - 1})
        self.write(take, ANN, {TOTAL_CPU: 1})
        error = self.refused({TOTAL_CPU: 1})
        self.assertEqual(
            str(error),
            "Quota exceeded for cyclades.total_cpu: Requested 1, but already used 40 of 40 "
            "cyclades.total_cpu",
        )

    def test_a_refusal_takes_nothing_of_the_others(self) -> None:
        self.refused({TOTAL_CPU: 1, TOTAL_RAM: DEFAULT_LIMITS[TOTAL_RAM] + 1})
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 0)

    def test_minus_one_is_no_limit(self) -> None:
        self.write(take, ANN, {TOTAL_CPU: 1})
        self.write(set_project_limits, "p", {TOTAL_CPU: -1})
        self.write(take, ANN, {TOTAL_CPU: 1_000_000})
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 1_000_001)

    def test_a_lowered_limit_lets_nothing_more_be_taken(self) -> None:
        self.write(take, ANN, {TOTAL_CPU: 10})
        self.write(set_project_limits, "p", {TOTAL_CPU: 5})
        self.refused({TOTAL_CPU: 1})
        self.write(give_back, ANN, {TOTAL_CPU: 6})
        self.write(take, ANN, {TOTAL_CPU: 1})

    def test_an_unknown_resource_is_a_defect(self) -> None:
        failed = Deferred.fromCoroutine(self.database.write(take, ANN, {"unicorns": 1}))
        self.failureResultOf(failed, KeyError)

    def test_user_and_project_are_both_charged(self) -> None:
        self.write(take, ANN, {TOTAL_CPU: 3})
        self.write(take, BEN, {TOTAL_CPU: 2})
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 5)
        self.assertEqual(self.write(held_by, ANN)[TOTAL_CPU].used, 3)
        self.write(give_back, ANN, {TOTAL_CPU: 3})
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 2)
        self.assertEqual(self.write(held_by, ANN)[TOTAL_CPU].used, 0)

    def test_a_user_is_refused_for_either_limit(self) -> None:
        """
        Members may take 4 each, the project 6; a limit of one member's own goes before.
        """
        self.write(set_limits, "p", {TOTAL_CPU: (4, 6)})
        self.refused({TOTAL_CPU: 5})
        self.write(take, ANN, {TOTAL_CPU: 4})
        self.refused({TOTAL_CPU: 1})
        self.refused({TOTAL_CPU: 3}, BEN)
        self.write(take, BEN, {TOTAL_CPU: 2})
        self.write(set_member_limits, "ann", "p", {TOTAL_CPU: 6})
        self.write(set_limits, "p", {TOTAL_CPU: (1, 100)})
        self.write(take, ANN, {TOTAL_CPU: 2})
        self.refused({TOTAL_CPU: 1}, BEN)
        self.assertEqual(self.write(held, "p")[TOTAL_CPU], Holding(100, 8))

    def test_force_passes_every_limit(self) -> None:
        self.write(set_limits, "p", {TOTAL_CPU: (0, 0)})
        self.write(take, ANN, {TOTAL_CPU: 7}, force=True)
        self.assertEqual(self.write(held, "p")[TOTAL_CPU], Holding(0, 7))

    def test_two_takers_of_the_last_unit_in_real_threads(self) -> None:
        """
        Sixteen threads want one of the four that are left: four get it.
        """
        self.write(take, ANN, {TOTAL_CPU: DEFAULT_LIMITS[TOTAL_CPU] - 4})
        self.assertEqual(sorted(self.race(16)), [False] * 12 + [True] * 4)
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, DEFAULT_LIMITS[TOTAL_CPU])

    def test_first_takers_of_a_project_in_real_threads(self) -> None:
        """
        Nobody fails because another made the project's row first.
        """
        self.assertEqual(self.race(12), [True] * 12)
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 12)

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
                        take(connection, ANN, {TOTAL_CPU: 1})
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
        used = self.write(held, project)[TOTAL_CPU].used
        for step, amount in steps:
            if step == "give":
                amount = min(amount, used)
                self.write(give_back, Payer("u", project), {TOTAL_CPU: amount})
                used -= amount
                continue
            taken: list[Any] = []
            unit = Deferred.fromCoroutine(
                self.database.write(take, Payer("u", project), {TOTAL_CPU: amount})
            )
            unit.addBoth(taken.append)
            self.assertEqual(taken[0] is None, used + amount <= DEFAULT_LIMITS[TOTAL_CPU])
            used += amount if taken[0] is None else 0
        self.assertEqual(self.write(held, project)[TOTAL_CPU].used, used)
