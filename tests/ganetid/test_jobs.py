"""Jobs, their locks, their dependencies and their time stamps: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.jobs.dependencies import Verdict, decide
from ganetid.jobs.locks import Lock, LockTable
from ganetid.jobs.model import Job, Op, job_status
from ganetid.jobs.stamps import Stamps

locks = st.builds(
    Lock, st.sampled_from(["instance", "network"]), st.sampled_from("abc"), st.booleans()
)
wants = st.lists(locks, max_size=3).map(tuple)


def clash(one: tuple[Lock, ...], other: tuple[Lock, ...]) -> bool:
    return any(a.thing == b.thing and not (a.shared and b.shared) for a in one for b in other)


def job(depends: list[object]) -> Job:
    return Job(1, (Op({"OP_ID": "OP_X", "depends": depends}),), received=1)


def startable(
    held: Iterable[tuple[Lock, ...]], waiting: Mapping[int, tuple[Lock, ...]], room: int
) -> list[int]:
    """Numbers of those who start; `waiting` is in order of precedence."""
    table = LockTable()
    for number, locks in enumerate(held):
        table.hold(-1 - number, locks)
    for place, (number, locks) in enumerate(waiting.items()):
        table.enter(number, place, locks)
    chosen: list[int] = []
    while len(chosen) < room and (key := table.first()) is not None:
        table.take(key[1])
        chosen.append(key[1])
    return chosen


class LockTests(SynchronousTestCase):
    """Which jobs run together."""

    @given(st.lists(wants, max_size=8))
    def test_started_never_clash(self, wanted: list[tuple[Lock, ...]]) -> None:
        """Jobs started together share no lock that one of them has for itself."""
        waiting = dict(enumerate(wanted))
        chosen = startable([], waiting, 100)
        for one in chosen:
            for other in chosen:
                if one != other:
                    self.assertFalse(clash(waiting[one], waiting[other]))

    @given(st.lists(wants, max_size=8))
    def test_nobody_overtakes(self, wanted: list[tuple[Lock, ...]]) -> None:
        """A job starts if and only if it clashes with none before it."""
        waiting = dict(enumerate(wanted))
        expected = [
            each
            for each in waiting
            if not any(clash(waiting[each], waiting[earlier]) for earlier in range(each))
        ]
        self.assertEqual(startable([], waiting, 100), expected)

    @given(st.lists(wants, max_size=4), wants)
    def test_held(self, held: list[tuple[Lock, ...]], wanted: tuple[Lock, ...]) -> None:
        """A job waits for locks that running ones hold."""
        free = not any(clash(each, wanted) for each in held)
        self.assertEqual(startable(held, {1: wanted}, 1), [1] if free else [])

    def test_room(self) -> None:
        """No more start than there is room for."""
        self.assertEqual(startable([], {1: (), 2: (), 3: ()}, 2), [1, 2])


class DependencyTests(SynchronousTestCase):
    """What a job's dependencies say."""

    def test_verdicts(self) -> None:
        """Each way that a dependency can stand."""
        for wanted, status, verdict in (
            (["success"], "success", Verdict.READY),
            (["success"], "running", Verdict.WAIT),
            (["success"], "error", Verdict.FAIL),
            (["error"], "success", Verdict.FAIL),
            (["success"], "canceled", Verdict.CANCEL),
            (["canceled"], "canceled", Verdict.READY),
            ([], "error", Verdict.READY),
            ([], "canceled", Verdict.CANCEL),
            ([], None, Verdict.FAIL),
        ):
            decision = decide(job([[7, wanted]]), lambda _, status=status: status)
            self.assertEqual(decision.verdict, verdict, (wanted, status))

    def test_words(self) -> None:
        """The reason is in Ganeti's words."""
        decision = decide(job([[7, ["error"]]]), lambda _: "success")
        self.assertEqual(
            decision.reason,
            "Dependency job 7 finished with status 'success', not one of 'error' as required",
        )


class JobStatusTests(SynchronousTestCase):
    """A job's status by its opcodes'."""

    def test_as_ganeti(self) -> None:
        """Between two opcodes a job shows as queued; one failure is the job's."""
        for statuses, expected in (
            (["queued", "queued"], "queued"),
            (["waiting", "queued"], "waiting"),
            (["running", "queued"], "running"),
            (["success", "queued"], "queued"),
            (["success", "success"], "success"),
            (["success", "error"], "error"),
            (["canceled"], "canceled"),
        ):
            self.assertEqual(job_status(statuses), expected)


class StampTests(SynchronousTestCase):
    """Time stamps."""

    @given(st.lists(st.floats(0, 1e9), min_size=1), st.integers(0, 10**15))
    def test_strictly_increasing(self, clock: list[float], last: int) -> None:
        """Whatever the wall clock does, each stamp is later than all before it."""
        readings = iter(clock)
        stamps = Stamps(lambda: next(readings))
        stamps.restart_after(last)
        given_out = [last, *(stamps.next() for _ in clock)]
        self.assertEqual(given_out, sorted(set(given_out)))
