"""
Which job is next, without a clock and without a disk.
"""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.cluster.model import FilterRule
from ganetid.jobs.dependencies import Verdict
from ganetid.jobs.filters import FilterRules
from ganetid.jobs.locks import Lock
from ganetid.jobs.model import Job, Op
from ganetid.jobs.rate_limits import RateLimit, RateLimits, from_reasons
from ganetid.jobs.scheduler import AGE_S, ERRAND_PRIORITY, Scheduler
from ganetid.query.conditions import BadFilter


def job(number: int, name: str = "a", **given: Any) -> Job:
    return Job(number, (Op({"OP_ID": "OP_X", "instance_name": name, **given}),), received=1)


class Shop:
    """A scheduler with jobs that each want one instance for themselves, or all share a network."""

    def __init__(self, shared: bool = False) -> None:
        self.shared = shared
        self.pending: dict[int, Job] = {}
        self.scheduler = Scheduler(self.pending, self.locks)

    def locks(self, job: Job) -> tuple[Lock, ...]:
        kind = "network" if self.shared else "instance"
        return (Lock(kind, str(job.ops[0].input["instance_name"]), self.shared),)

    def add(self, job: Job, now: float = 0.0) -> Verdict:
        self.pending[job.id] = job
        return self.scheduler.consider(job, now).verdict

    def start_all(self, room: int = 100) -> list[int]:
        started = []
        while len(started) < room and (first := self.scheduler.first()) is not None:
            self.scheduler.take(first[1])
            started.append(first[1])
        return started

    def end(self, number: int) -> None:
        del self.pending[number]
        self.scheduler.withdraw(number, 0.0)


class SchedulerTests(SynchronousTestCase):
    """The order in which jobs start."""

    def test_one_lock(self) -> None:
        """One after the other, by priority and number; a cancelled one is passed over."""
        shop = Shop()
        for number, priority in ((1, 0), (2, 10), (3, 0), (4, -10)):
            shop.add(job(number, priority=priority))
        order = []
        for _ in range(3):
            (number,) = shop.start_all()
            order.append(number)
            if number == 4:
                shop.end(3)
            shop.end(number)
        self.assertEqual(order, [4, 1, 2])
        self.assertEqual(shop.scheduler.locks(), [])

    def test_errands_first(self) -> None:
        """Work without a job comes before all jobs, but waits for who holds the lock."""
        shop = Shop()
        shop.add(job(1))
        self.assertEqual(shop.start_all(), [1])
        shop.add(job(2, priority=-10))
        shop.scheduler.errand(-1, (Lock("instance", "a"),))
        self.assertEqual(shop.start_all(), [])
        shop.end(1)
        self.assertEqual(shop.scheduler.first(), (ERRAND_PRIORITY, -1))

    def test_aging(self) -> None:
        """Whoever has stood at a lock for long enough is before those of a better priority."""
        shop = Shop()
        shop.add(job(1))
        shop.start_all()
        shop.add(job(2, priority=10))
        for step in range(1, 23):
            shop.scheduler.age(step * AGE_S)
        shop.add(job(3, priority=-5), now=11 * 3600.0)
        shop.end(1)
        self.assertEqual(shop.start_all(), [2])

    def test_dependents(self) -> None:
        """A job that depends on another holds no place before that one has ended."""
        shop = Shop()
        shop.add(job(1))
        waiting = job(2, "b", depends=[[1, []]])
        shop.scheduler.dependents.add(waiting)
        self.assertIs(shop.add(waiting), Verdict.WAIT)
        shop.add(job(3, "b"))
        self.assertEqual(shop.start_all(), [1, 3])

    def test_asked_twice(self) -> None:
        """A job that is considered again while it waits keeps its one place."""
        shop = Shop()
        shop.scheduler.rules.put(FilterRule("u", 0, action=["RATE_LIMIT", 2]))
        for number in (1, 2, 3):
            first = shop.add(job(number))
            self.assertIs(shop.add(job(number)), first)
        for number in (1, 2, 3):
            self.assertEqual(shop.start_all(), [number])
            shop.end(number)
        self.assertEqual(shop.scheduler.locks(), [])

    def test_rule_limits(self) -> None:
        """A rule lets so many of its jobs run; the next one gets the place of one that ended."""
        shop = Shop()
        shop.scheduler.rules.put(FilterRule("u", 0, action=["RATE_LIMIT", 2]))
        verdicts = [shop.add(job(number, str(number))) for number in range(1, 5)]
        self.assertEqual(verdicts, [Verdict.READY] * 2 + [Verdict.WAIT] * 2)
        self.assertEqual(shop.start_all(), [1, 2])
        shop.end(2)
        self.assertEqual(shop.start_all(), [3])

    @given(
        st.lists(st.tuples(st.integers(-2, 2), st.sampled_from("abc")), max_size=12),
        st.randoms(use_true_random=False),
    )
    def test_all_run(self, wanted: list[tuple[int, str]], chance: Any) -> None:
        """In whatever order jobs end or are cancelled, every other one runs and all locks go."""
        shop = Shop()
        for number, (priority, name) in enumerate(wanted, 1):
            shop.add(job(number, name, priority=priority))
        running: list[int] = []
        seen: set[int] = set()
        gone: set[int] = set()
        while shop.pending:
            running += shop.start_all()
            seen |= set(running)
            idle = [number for number in shop.pending if number not in running]
            if idle and chance.random() < 0.3:
                number = chance.choice(idle)
                gone.add(number)
            else:
                number = running.pop(chance.randrange(len(running)))
            shop.end(number)
        self.assertEqual(seen | gone, set(range(1, len(wanted) + 1)))
        self.assertEqual(shop.scheduler.locks(), [])

    def test_ten_thousand(self) -> None:
        """With ten thousand that wait a job is put in, started and ended as soon as with none."""
        for shared, names in ((False, 1), (False, 10_000), (True, 1)):
            shop = Shop(shared)
            for number in range(1, 10_001):
                shop.add(job(number, str(number % names)))
            shop.start_all(room=20)
            begun = time.perf_counter()
            for number in range(20_000, 20_200):
                shop.add(job(number, str(number % names)))
                shop.start_all(room=1)
                shop.end(number)
            spent_ms = (time.perf_counter() - begun) * 1000 / 200
            self.assertLess(spent_ms, 2, (shared, names))


class RateLimitTests(SynchronousTestCase):
    """At most so many under a label."""

    def test_reasons(self) -> None:
        """The limit stands in a reason; others say nothing."""
        reasons = [["gnt:user", "rate-limit:3:backup", 1], ["x", "rate-limit:0:y", 1], ["x", "", 1]]
        self.assertEqual(
            from_reasons(job(1, reason=reasons)), (RateLimit(("reason", "backup"), 3),)
        )

    @given(
        st.lists(
            st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), max_size=2), max_size=10
        )
    )
    def test_never_too_many(self, wanted: list[list[tuple[str, int]]]) -> None:
        """No label has more at work than its limit, and everybody gets a turn."""
        limits = {
            number: tuple({each: RateLimit(("reason", each), 2) for each, _ in some}.values())
            for number, some in enumerate(wanted)
        }
        rates = RateLimits()
        at_work = [number for number, some in limits.items() if rates.enter(number, 0, some)]
        served = set(at_work)
        while at_work:
            for label in "ab":
                busy = [n for n in at_work if any(each.label[1] == label for each in limits[n])]
                self.assertLessEqual(len(busy), 2)
            at_work += rates.leave(at_work.pop(0))
            served |= set(at_work)
        self.assertEqual(served, set(limits))


class RuleTests(SynchronousTestCase):
    """Which rule decides."""

    def ruling(self, *rules: FilterRule, **given: Any) -> tuple[bool, bool]:
        book = FilterRules()
        for rule in rules:
            book.put(rule)
        ruling = book.ruling(job(7, **given))
        return ruling.runs, ruling.rejected

    def test_order(self) -> None:
        """The rule of the lowest priority that applies and does not continue; then watermarks."""
        pause = FilterRule("a", 5, 1, action="PAUSE")
        accept = FilterRule("b", 9, 0, action="ACCEPT")
        go_on = FilterRule("c", 0, 0, action="CONTINUE")
        reject = FilterRule("d", 3, 1, action="REJECT")
        self.assertEqual(self.ruling(pause), (False, False))
        self.assertEqual(self.ruling(pause, go_on, accept), (True, False))
        self.assertEqual(self.ruling(pause, reject), (False, True))

    def test_predicates(self) -> None:
        """All predicates have to hold; an opcode's parameters and reasons can be asked for."""
        for predicates, applies in (
            ([["jobid", [">", "id", "watermark"]]], True),
            ([["jobid", ["=", "id", 8]]], False),
            ([["opcode", ["=", "instance_name", "a"]]], True),
            ([["opcode", ["=", "absent", "a"]]], False),
            ([["opcode", [">", "instance_name", 3]]], False),
            ([["reason", ["=~", "reason", "^back"]]], True),
            ([["jobid", ["=", "id", 7]], ["reason", ["=", "source", "x"]]], False),
        ):
            rule = FilterRule("u", 5, predicates=tuple(predicates), action="PAUSE")
            runs, _ = self.ruling(rule, reason=[["gnt:user", "backup", 3]])
            self.assertEqual(runs, not applies, predicates)

    def test_no_rules(self) -> None:
        """What is no rule is refused and changes nothing."""
        for wrong in (
            {"priority": -1}, {"action": "X"}, {"action": ["RATE_LIMIT", True]},
            {"predicates": (["jobid", []],)}, {"predicates": (["x", ["=", "id", 1]],)},
            {"predicates": ("x",)}, {"reason_trail": (["a"],)},
        ):  # fmt: skip
            book = FilterRules()
            self.assertRaises(BadFilter, book.put, FilterRule("u", 0, **wrong))
            self.assertEqual(book.all(), [])
