"""
Tasks: their steps go to the cluster one after the other, and their ends reach the rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.effect.kinds import merged
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.rows.ending import Endings
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.rows.tasks_tables import tasks as table
from synnefo_tx.effect.tasks import Asked, Ended, Kind, Step
from synnefo_tx.effect.wishes import Wish
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.update.messages import News
from tests.synnefo_tx.a_server import NOW_US, stand

CLUSTERS = {"cluster": "c1"}


def wish(name: str) -> Wish:
    """A wish about server v1."""
    return Wish(kind="t.step", target="v1", cluster_id="c1", method="PUT", path=f"/{name}")


class TasksTests(SynchronousTestCase):
    """From a task that begins to what follows of its end."""

    def setUp(self) -> None:
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)
        self.followed: list[tuple[str, str]] = []
        kind = Kind(
            on_success=self.follow("done"),
            on_failure=self.follow("failed"),
            on_sent=self.follow("sent"),
        )
        self.endings = Endings({"t": kind})
        self.write(stand)

    def make_database(self) -> Database:
        """The empty database under test."""
        return immediate_database(Path(self.mktemp()).absolute())

    def follow(self, name: str) -> Any:
        def followed(_connection: Any, ended: Ended) -> None:
            self.followed.append((name, ended.message))

        return followed

    def write(self, unit: Any, *arguments: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *arguments)))

    def begin(self, *steps: Step) -> str:
        asked = Asked(kind="t", target="v1", steps=steps, context={"a": 1}, request_id="r")
        return str(self.write(tasks.begin, asked, NOW_US))

    def waiting(self) -> list[Any]:
        """What the outbox has, in its order."""
        return list(self.write(lambda c: c.execute(select(effects).order_by(effects.c.serial))))

    def task(self) -> Any:
        return self.write(lambda c: c.execute(select(table)).one())

    def sent(self, job_id: int) -> Any:
        """The step that waits becomes this job; the effect."""
        (effect,) = self.waiting()
        self.write(self.endings.taken, effect, job_id, NOW_US)
        return effect

    def tell(self, status: str, job_id: int, **more: Any) -> None:
        news = News(
            type="ganeti-op-status",
            event_time=(1, 0),
            status=status,
            cluster="cluster",
            job_id=job_id,
            **more,
        )
        self.write(self.endings.told, [news], CLUSTERS, NOW_US)

    def test_steps_follow_one_another(self) -> None:
        """The second wish is written when the first's job has succeeded, and the end is told."""
        self.begin(Step(wish("one")), Step(wish("two")))
        self.sent(7)
        self.assertEqual(self.waiting(), [])
        self.tell("success", 7)
        self.assertEqual([effect.path for effect in self.waiting()], ["/two"])
        self.sent(8)
        self.tell("success", 8)
        task = self.task()
        self.assertEqual((task.state, task.context, task.ended_at), ("done", {"a": 1}, NOW_US))
        self.assertEqual(task.steps, [])  # they may have held a password
        self.assertEqual(self.followed, [("sent", ""), ("sent", ""), ("done", "")])

    def test_only_its_own_job(self) -> None:
        """Other jobs, of the same number at another cluster too, end nothing."""
        self.begin(Step(wish("one")))
        self.sent(7)
        self.tell("success", 8)
        self.write(self.endings.told, [], {}, NOW_US)
        news = News(type="", event_time=(1, 0), status="success", cluster="other", job_id=7)
        self.write(self.endings.told, [news], {**CLUSTERS, "other": "c2"}, NOW_US)
        self.assertEqual(self.task().state, "going")

    def test_news_before_the_answer(self) -> None:
        """A job that tells its wish may end before its number is known; the answer comes late."""
        self.begin(Step(wish("one")), Step(wish("two")))
        (effect,) = self.waiting()
        self.tell("success", 7, effect=effect.id)
        self.write(self.endings.taken, effect, 7, NOW_US)
        self.assertEqual([effect.path for effect in self.waiting()], ["/two"])
        self.assertEqual((self.task().step, self.task().job_id), (1, None))

    def test_job_of_several_opcodes(self) -> None:
        """The job has succeeded when all of its opcodes have."""
        self.begin(Step(wish("one")))
        self.sent(7)
        self.tell("success", 7, job_status="running")
        self.assertEqual(self.task().state, "going")
        self.tell("success", 7, job_status="success")
        self.assertEqual(self.task().state, "done")

    def test_told_twice(self) -> None:
        """The same news again changes nothing."""
        self.begin(Step(wish("one")))
        effect = self.sent(7)
        self.tell("success", 7, effect=effect.id)
        self.tell("success", 7, effect=effect.id)
        self.assertEqual(self.followed, [("sent", ""), ("done", "")])

    def test_failure_takes_back(self) -> None:
        """What the steps before did is taken back, last first, and then the end is told."""
        self.begin(Step(wish("one"), wish("un-one")), Step(wish("two")), Step(wish("three")))
        for job in (1, 2):
            self.sent(job)
            self.tell("success", job)
        self.sent(3)
        self.tell("error", 3, result=["OpExecError", ["no room"]])
        self.assertEqual([effect.path for effect in self.waiting()], ["/un-one"])
        self.assertNotIn(("failed", "no room"), self.followed)
        self.sent(4)
        self.tell("error", 4, result=["OpExecError", ["nor this"]])
        self.assertEqual(self.followed[-1], ("failed", "no room"))
        self.assertEqual((self.task().state, self.task().message), ("failed", "no room"))
        self.assertEqual(self.waiting(), [])

    def test_refusal(self) -> None:
        """A step that is refused fails its task, once."""
        self.begin(Step(wish("one")))
        (effect,) = self.waiting()
        self.write(self.endings.refused, effect, "no such thing", NOW_US)
        self.write(self.endings.refused, effect, "again", NOW_US)
        self.assertEqual(self.followed, [("failed", "no such thing")])

    def test_under_way(self) -> None:
        """What a thing is at is found until it has ended."""
        self.begin(Step(wish("one")))
        self.assertEqual(len(self.write(tasks.under_way, "v1")), 1)
        self.sent(7)
        self.tell("canceled", 7)
        self.assertEqual(self.write(tasks.under_way, "v1"), [])
        self.assertEqual(self.followed[-1], ("failed", "The job was cancelled."))

    def test_nothing_to_do(self) -> None:
        """A task has steps."""
        asked = Asked(kind="t", target="v1", steps=())
        failed = self.failureResultOf(
            Deferred.fromCoroutine(self.database.write(tasks.begin, asked, NOW_US))
        )
        failed.trap(ValueError)


class KindsTests(SynchronousTestCase):
    """The families of kinds."""

    def test_twice(self) -> None:
        """A kind belongs to one family."""
        kind = Kind(on_success=lambda *_: None, on_failure=lambda *_: None)
        self.assertEqual(merged([{"a": kind}, {"b": kind}]), {"a": kind, "b": kind})
        self.assertRaises(ValueError, merged, [{"a": kind}, {"a": kind}])
